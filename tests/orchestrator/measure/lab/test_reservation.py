"""Names, tags, any and all, to devices."""

from dataclasses import replace

import pytest

from agents.device_facts import ProviderProbe, RuntimeProbe
from orchestrator.domain.health import Health
from orchestrator.errors import BadInput, DeviceQuarantined
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.reservation import Choice, choose, tags_of
from tests.sessions import ENVIRONMENT, PROBE

PI, PHONE, NANO = (
    Device("pi5", "ssh", host="pi5.lan", tags=("desk",)),
    Device("phone", "adb", serial="1", tags=("desk", "pixel-8")),
    Device("nano", "ssh", host="nano.lan", profile="jetson-orin-nano"),
)
LAB = Lab({d.name: d for d in (PI, PHONE, NANO)})
SICK = {"phone": Health("phone", 3, "2026-11-21T04:00:00+00:00", "3 failures in a row")}


def chosen(text: str, health: dict[str, Health] | None = None) -> Choice:
    return choose(LAB, text, {name: tags_of(device) for name, device in LAB.devices.items()}, health or {})


def names(choice: Choice) -> list[list[str]]:
    return [[device.name for device in slot] for slot in choice.slots]


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("pi5", [["pi5"]]),
        ("pi5, nano", [["pi5"], ["nano"]]),
        ("tag:desk", [["pi5"], ["phone"]]),
        ("any:desk", [["pi5", "phone"]]),
        ("nano,any:desk,any:desk", [["nano"], ["pi5", "phone"], ["pi5", "phone"]]),
        ("all", [["pi5"], ["phone"], ["nano"]]),
        ("local", [["local"]]),
        ("pi5,tag:desk,pi5", [["pi5"], ["phone"]]),
        ("any:jetson-orin-nano", [["nano"]]),
        ("tag:ssh", [["pi5"], ["nano"]]),
    ],
)
def test_what_is_meant(text: str, slots: list[list[str]]) -> None:
    assert names(chosen(text)) == slots


def test_all_is_this_machine_where_there_is_no_other() -> None:
    assert names(choose(Lab(), "all", {}, {})) == [["local"]]


def test_all_means_a_phone_behind_its_cable_once() -> None:
    termux = Device("pixel", "ssh", host="127.0.0.1", jump="phone", via=PHONE)
    jumper = Device("inner", "ssh", host="inner.lan", jump="pi5", via=PI)
    lab = Lab({d.name: d for d in (PI, PHONE, termux, jumper)})
    assert names(choose(lab, "all", {}, {})) == [["pi5"], ["pixel"], ["inner"]]


def test_tags_of_the_last_probe() -> None:
    runtime = RuntimeProbe(
        "onnxruntime",
        True,
        providers=(
            ProviderProbe("CUDAExecutionProvider", True),
            ProviderProbe("TensorrtExecutionProvider", False, "x"),
        ),
    )
    environment = replace(ENVIRONMENT, device_model="jetson", probe=replace(PROBE, runtimes=(runtime,)))
    assert tags_of(NANO, environment, "orin") == {"ssh", "jetson-orin-nano", "orin", "jetson", "onnxruntime", "cuda"}


def test_quarantined_devices_are_passed_over_and_refused_by_name() -> None:
    choice = chosen("tag:desk", SICK)
    assert names(choice) == [["pi5"]]
    assert choice.passed_over == {"phone": "3 failures in a row"}
    for text in ("phone", "pi5,phone", "any:pixel-8"):
        with pytest.raises(DeviceQuarantined, match=r"phone is in quarantine since .*: 3 failures in a row") as caught:
            chosen(text, SICK)
        assert "earshot devices doctor phone" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [("tag:dsk", "no device has the tag 'dsk'"), ("pi55", "no device 'pi55'"), (",", "no device was")],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        chosen(text)
