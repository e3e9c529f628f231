"""Kinds of meters and their options, as lab.toml gives them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.meters.base import MeterOptions
from orchestrator.measure.meters.command import CommandOptions
from orchestrator.measure.meters.registry import KINDS, known_kinds, meter_options

EXAMPLES: dict[str, dict[str, Any]] = {
    "command": {"argv": ["meter", "--watts"]},
    "ina226": {"shunt_ohm": 0.1},
    "monsoon": {"port": "/dev/ttyACM0"},
    "shelly": {"host": "plug.lan"},
    "tasmota": {"host": "192.168.1.20:8080"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_contract(kind: str) -> None:
    options = meter_options("pi5", {"kind": kind, **EXAMPLES[kind]})
    assert options.source
    assert options.interval_s >= 0
    channels = options.channels()
    assert channels[0].quantity == "power_w"
    assert {c.scope for c in channels} <= {"board", "battery", "socket"}
    assert len({c.name for c in channels}) == len(channels)
    assert not options.calibrated
    moved = meter_options("pi5", {"kind": kind, **EXAMPLES[kind], "scope": "battery", "calibrated": True})
    assert {c.scope for c in moved.channels()} == {"battery"}
    assert moved.calibrated


@pytest.mark.parametrize(
    ("settings", "message", "keys"),
    [
        ({"kind": "shely", "host": "x"}, "got 'shely'", "one of command, ina226, monsoon, shelly, tasmota"),
        ({}, "got ''", "one of command"),
        ({"kind": "shelly"}, "lacks ['host']", "channel, component"),
        ({"kind": "shelly", "hots": "x"}, "unknown keys ['hots']", "host, channel"),
        ({"kind": "shelly", "host": 5}, "must be str, got 5", "host"),
        ({"kind": "shelly", "host": "http://plug/"}, "host must be a name or address", "host"),
        ({"kind": "shelly", "host": "plug\r\nX-Evil: 1"}, "host must be a name or address", "host"),
        ({"kind": "shelly", "host": "plug", "component": "light"}, "component must be one of", "component"),
        ({"kind": "tasmota", "host": "plug", "channel": -1}, "channel must be in 0..15", "channel"),
        ({"kind": "command", "argv": "meter"}, "must be a list", "argv"),
        ({"kind": "command", "argv": ["meter"], "scope": "soc"}, "scope must be one of", "scope"),
        ({"kind": "ina226", "shunt_ohm": "0.1"}, "must be float", "shunt_ohm"),
    ],
)
def test_what_cannot_be_is_told_with_the_device_and_the_keys(settings: dict[str, Any], message: str, keys: str) -> None:
    with pytest.raises(BadInput) as told:
        meter_options("pi5", settings)
    assert "[devices.pi5.meter]" in told.value.message
    assert message in told.value.message
    assert keys in told.value.message


def test_another_package_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real distribution on the path, with its entry point."""
    info = tmp_path / "earshot_otii-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: earshot-otii\nVersion: 1.0\n")
    entries = (
        "[earshot.meters]\notii = earshot_otii:Options\nnothing = earshot_otii:Nothing\nshelly = earshot_otii:Evil\n"
    )
    (info / "entry_points.txt").write_text(entries)
    (tmp_path / "earshot_otii.py").write_text(
        "from orchestrator.measure.meters.command import CommandOptions\nclass Options(CommandOptions): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert known_kinds()["shelly"] == KINDS["shelly"]
    options = meter_options("pi5", {"kind": "otii", "argv": ["otii"]})
    assert isinstance(options, CommandOptions)
    with pytest.raises(BadInput, match="cannot be loaded"):
        meter_options("pi5", {"kind": "nothing"})
    sys.modules.pop("earshot_otii")


def test_options_that_forget_their_part() -> None:
    bare = MeterOptions()
    for use in (lambda: bare.interval_s, lambda: bare.source, bare.channels, bare.open):
        with pytest.raises(NotImplementedError):
            use()
