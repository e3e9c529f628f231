"""The table of execution providers: options spelt right before a device is asked."""

import pytest

from agents.providers import CPU, NUMBER, PROVIDERS, TEXT, emulation, known, provider_options

QNN, OPENVINO = "QNNExecutionProvider", "OpenVINOExecutionProvider"


def test_every_provider_of_the_issue_is_there_with_a_source() -> None:
    short = {name.removesuffix("ExecutionProvider") for name in PROVIDERS}
    assert short >= {"CPU", "Xnnpack", "CUDA", "Tensorrt", "OpenVINO", "QNN", "Nnapi", "CoreML", "ACL", "ArmNN"}
    assert short >= {"WebGpu", "Dml"}
    for provider in PROVIDERS.values():
        assert provider.source.startswith("https://"), provider.name
        assert provider.package, provider.name
        assert all(values for values in provider.options.values()), provider.name
        assert provider.threads is None or provider.options[provider.threads] == NUMBER


def test_options_are_told_apart_from_the_sessions_and_join_the_defaults() -> None:
    given = {"allow_spinning": "0", "ep.vtcm_mb": "8", "ep.htp_performance_mode": "burst"}
    assert provider_options(QNN, given) == {"backend_type": "htp", "vtcm_mb": "8", "htp_performance_mode": "burst"}
    assert provider_options(QNN, {"ep.backend_type": "gpu"})["backend_type"] == "gpu"
    assert provider_options(CPU, {"allow_spinning": "0"}) == {}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (OPENVINO, {"ep.device_tip": "GPU"}, "has no option ep.device_tip; it has ep.device_type, ep.precision"),
        (OPENVINO, {"ep.precision": "INT8"}, "ep.precision must be one of FP32, FP16, ACCURACY, got 'INT8'"),
        (QNN, {"ep.vtcm_mb": "much"}, "ep.vtcm_mb must be a whole number, got 'much'"),
        (CPU, {"ep.precision": "FP16"}, "CPUExecutionProvider has no option ep.precision; it has none"),
    ],
)
def test_what_a_provider_does_not_take(name: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        provider_options(name, given)


def test_any_text_goes_where_any_text_goes() -> None:
    assert PROVIDERS[OPENVINO].options["device_type"] == TEXT
    assert provider_options(OPENVINO, {"ep.device_type": "HETERO:GPU,CPU"}) == {"device_type": "HETERO:GPU,CPU"}


def test_a_provider_that_the_table_does_not_have_is_passed_on_as_it_is() -> None:
    assert provider_options("MIGraphXExecutionProvider", {"ep.x": "1"}) == {"x": "1"}
    assert known("MIGraphXExecutionProvider").memory == "cpu"


@pytest.mark.parametrize(("machine", "real"), [("x86_64", False), ("aarch64", True), ("arm64", True)])
def test_a_hexagon_is_simulated_where_there_is_none(machine: str, real: bool) -> None:
    assert (emulation(QNN, machine) is None) is real
    assert emulation(OPENVINO, machine) is None
