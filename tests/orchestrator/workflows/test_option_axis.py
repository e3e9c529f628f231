"""Options of sessions and providers as an axis of candidates."""

import pytest

from agents.providers import CPU
from orchestrator.errors import BadInput
from orchestrator.workflows.option_axis import SessionOption, checked, combinations, with_options
from tests.sessions import candidate

OPENVINO = "OpenVINOExecutionProvider"
ORT = "onnxruntime"


def options(*texts: str) -> list[SessionOption]:
    return [SessionOption.parse(text) for text in texts]


def test_an_option_is_read_as_it_is_written() -> None:
    assert SessionOption.parse("allow_spinning=0") == SessionOption("allow_spinning", "0")
    assert SessionOption.parse("litert:delegate=/lib/x.so") == SessionOption("delegate", "/lib/x.so", "litert")
    assert SessionOption.parse("ep.load_config={'a': 'b=c'}").value == "{'a': 'b=c'}"
    assert str(SessionOption.parse("ep.precision=FP16")) == "onnxruntime:ep.precision=FP16"


@pytest.mark.parametrize("text", ["allow_spinning", "=0", "allow_spinning=", ":x=1", ""])
def test_an_option_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadInput, match="cannot read the option") as failed:
        SessionOption.parse(text)
    assert "NAME=VALUE" in (failed.value.hint or "")


def test_every_choice_of_values_each_also_left_alone() -> None:
    found = combinations(options("allow_spinning=0", "allow_spinning=1", "ep.precision=FP16"), ORT, OPENVINO)
    assert found == [
        {},
        {"ep.precision": "FP16"},
        {"allow_spinning": "0"},
        {"allow_spinning": "0", "ep.precision": "FP16"},
        {"allow_spinning": "1"},
        {"allow_spinning": "1", "ep.precision": "FP16"},
    ]


def test_only_what_fits_is_told_to_a_candidate() -> None:
    given = options("ep.precision=FP16", "session.disable_cpu_ep_fallback=1", "litert:delegate=x")
    assert combinations(given, ORT, CPU) == [{}]
    assert len(combinations(given, ORT, OPENVINO)) == 4
    assert combinations(given, "litert", "GPU") == [{}, {"delegate": "x"}]


def test_candidates_are_multiplied_and_the_plain_ones_stay() -> None:
    cpu, openvino = candidate(), candidate(provider=OPENVINO)
    found = with_options([cpu, openvino], options("ep.precision=FP16"))
    assert [c.session_options for c in found] == [{}, {}, {"ep.precision": "FP16"}]
    assert found[0] == cpu
    assert len({c.key for c in found}) == 3


@pytest.mark.parametrize("text", ["ep.precision=INT8", "ep.device_tip=GPU", "litert:delegate=x"])
def test_an_option_that_fits_nothing_is_a_mistake(text: str) -> None:
    with pytest.raises(BadInput, match="fits no candidate: tried are CPUExecutionProvider, OpenVINO"):
        with_options([candidate(), candidate(provider=OPENVINO)], options(text))


def test_a_run_has_one_value_of_each_option_and_all_must_fit() -> None:
    assert checked(options("allow_spinning=0"), ORT, CPU) == {"allow_spinning": "0"}
    with pytest.raises(BadInput, match="given twice"):
        checked(options("allow_spinning=0", "allow_spinning=1"), ORT, CPU)
    with pytest.raises(BadInput, match="is not for onnxruntime"):
        checked(options("litert:delegate=x"), ORT, CPU)
    with pytest.raises(BadInput, match=r"has no option ep\.precision"):
        checked(options("ep.precision=FP16"), ORT, CPU)
