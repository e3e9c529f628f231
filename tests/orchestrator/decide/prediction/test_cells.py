"""What of the measurements teaches, and what may be shipped to a device that was not measured."""

import math
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.decide.prediction.cells import Record, teaching
from orchestrator.decide.prediction.configuration import Configuration, parse_label
from orchestrator.decide.prediction.device import CoreGroup, DeviceFacts, parse_cores
from orchestrator.decide.prediction.features import BALANCE, CLOCK, DOT, FEATURES, LANES, features_of
from orchestrator.errors import BadInput

GROUPS = (CoreGroup(4, "Cortex-A55", 2000), CoreGroup(3, "Cortex-A78", 2400), CoreGroup(1, "Cortex-X1", 2800))
DEVICES = {name: DeviceFacts(name, name, None, GROUPS) for name in ("a", "b", "c")}
FP32, INT8 = parse_label("onnx:fp32 CPU 1t")[1], parse_label("onnx:int8-dynamic CPU 1t")[1]


def test_a_label_loses_what_is_one_devices() -> None:
    model, found = parse_label("kws onnx:int8-qdq(activation=u8) CPU 2t allow_spinning=0 in ov on big (4-7)")
    assert model == "kws"
    assert found.name == "onnx:int8-qdq(activation=u8) CPU 2t allow_spinning=0 in ov on big"
    assert (found.precision, found.threads, found.cluster, found.plain) == ("int8", 2, "big", False)
    assert parse_label("onnx:fp32 CPU 1t")[1].plain
    assert parse_label("litert:int8-weight XNNPACK 1t")[1].precision == "weights"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("onnx:fp32 CPU 1t on CPUs 0-1", "held to CPUs 0-1, which are CPUs of one device"),
        ("onnx:fp31 CPU 1t", "precision of onnx must be one of"),
        ("candidate-001", "it is no label of Earshot's"),
    ],
)
def test_what_is_no_configuration_of_every_device(label: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_label(label)


def feature(device: DeviceFacts, label: str, which: object) -> float:
    found = features_of(parse_label(label)[1], device)
    assert found is not None
    return float(found[FEATURES.index(which)])  # type: ignore[arg-type]


def test_features_are_those_of_the_cores_that_are_used() -> None:
    device = DEVICES["a"]
    assert feature(device, "onnx:fp32 CPU 1t", CLOCK) == pytest.approx(math.log(2800 / 2000))
    assert feature(device, "onnx:fp32 CPU 1t on little (0-3)", CLOCK) == 0
    assert feature(device, "onnx:fp32 CPU 1t on little (0-3)", LANES) == pytest.approx(math.log(4 / 8))
    # One X1 of 16 lanes and one A78 of 8.
    mean = (2800 * 16 + 2400 * 8) / 2 / (2800 * 16)
    assert feature(device, "onnx:fp32 CPU 2t", BALANCE) == pytest.approx(math.log(mean))
    old = replace(device, groups=(CoreGroup(4, "Cortex-A72", 1800),))
    assert feature(old, "onnx:int8-dynamic CPU 1t", DOT) == pytest.approx(math.log(1 / 4))
    assert feature(old, "onnx:fp32 CPU 1t", DOT) == 0
    assert np.isnan(feature(replace(device, groups=(CoreGroup(4, "Other", 2000),)), "onnx:fp32 CPU 1t", LANES))
    assert features_of(parse_label("onnx:fp32 CPU 9t")[1], device) is None
    assert features_of(parse_label("onnx:fp32 CPU 2t on prime (7)")[1], device) is None


def test_cores_by_hand() -> None:
    assert parse_cores("4xCortex-A55@2000, 2 x Cortex-A78") == (
        CoreGroup(4, "Cortex-A55", 2000),
        CoreGroup(2, "Cortex-A78", None),
    )
    for text in ("", "Cortex-A55", "4xA@20", "0xA@2000"):
        with pytest.raises(BadInput):
            parse_cores(text)


def records(configuration: Configuration, loss: float | None = 0.0, **failures: str) -> list[Record]:
    return [
        Record(name, configuration, () if name in failures else (2.0, 2.2), loss, failures.get(name))
        for name in DEVICES
    ]


def test_what_may_be_shipped_and_why_not() -> None:
    gpu, lossy = parse_label("litert:fp16 GPU 1t")[1], parse_label("onnx:int8-qdq CPU 1t")[1]
    unknown, alone = parse_label("litert:fp32 XNNPACK 1t")[1], parse_label("litert:fp32 XNNPACK 2t")[1]
    broken = parse_label("executorch:fp32 XNNPACK 1t")[1]
    given = [
        *records(FP32),
        *records(INT8, c="it crashed"),
        *records(gpu),
        *records(lossy, 0.03),
        *records(unknown, None),
        *records(alone)[:1],
        *records(broken, a="it crashed", b="it crashed"),
    ]
    found = teaching(given, DEVICES, "aarch64", 0.01)
    assert {c.name for c in found.configurations} == {FP32.name, INT8.name}
    assert found.failed[INT8.name] == ("c",)
    assert found.excluded == {
        gpu.name: "GPU is no CPU: profiles hold nothing that its time could be told from",
        lossy.name: "quality loss 3.00% is above 1.00%",
        unknown.name: "its loss of quality was never measured",
        alone.name: "measured on 1 device model, 2 are needed",
        broken.name: "it failed on 2 of 3 device models: it crashed",
    }
    # What may not be shipped still teaches how devices differ.
    assert lossy.name in {cell.configuration.name for cell in found.cells}
    assert gpu.name not in {cell.configuration.name for cell in found.cells}


def test_another_instruction_set_does_not_teach() -> None:
    devices = DEVICES | {"pc": DeviceFacts("pc", "PC", None, (), isa="x86_64")}
    found = teaching([*records(FP32), Record("pc", FP32, (0.1,), 0.0)], devices, "aarch64", 0.01)
    assert {cell.device.name for cell in found.cells} == {"a", "b", "c"}
    assert found.unlike == {"pc": "x86_64, not aarch64: other kernels"}


def test_two_studies_of_a_device_model_are_one_cell() -> None:
    again = Record("a", FP32, (4.0,), 0.002)
    found = teaching([*records(FP32), again], DEVICES, "aarch64", 0.01)
    cell = next(cell for cell in found.cells if cell.device.name == "a")
    assert cell.runs == 3
    assert cell.log_ms == pytest.approx(np.mean(np.log([2.0, 2.2, 4.0])))


def test_a_record_has_runs_or_the_reason() -> None:
    with pytest.raises(ValueError, match="neither runs nor the reason"):
        Record("a", FP32, ())
    with pytest.raises(ValueError, match="times must be > 0 ms"):
        Record("a", FP32, (0.0,))
