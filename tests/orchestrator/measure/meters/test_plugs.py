"""Shelly and Tasmota over real HTTP, and every way in which an answer can be wrong."""

import copy
from typing import Any

import pytest

from orchestrator.measure.meters import shelly, tasmota
from orchestrator.measure.meters.plug import ENERGY, POWER
from orchestrator.measure.meters.shelly import ShellyOptions
from orchestrator.measure.meters.tasmota import TasmotaOptions
from tests.orchestrator.measure.meters.plugs import GEN1, GEN2, TASMOTA, plug

METER, SWITCH, STATUS_8 = "/meter/0", "/rpc/Switch.GetStatus?id=0", "/cm?cmnd=Status%208"


def test_shelly_gen1() -> None:
    with plug(GEN1) as stand_in:
        meter = ShellyOptions(host=stand_in.host).open()
        assert meter.read() == {POWER: 6.5, ENERGY: 0.0}
        # Watt-minutes.
        stand_in.answers[METER] = (200, {**GEN1[METER], "total": 1202})
        assert meter.read() == {POWER: 6.5, ENERGY: 120.0}


def test_shelly_gen2_and_its_meter_without_a_relay() -> None:
    pm1 = {"/shelly": {**GEN2["/shelly"], "gen": 3}, "/rpc/PM1.GetStatus?id=1": {**GEN2[SWITCH], "id": 1}}
    with plug({**GEN2, **pm1}) as stand_in:
        meter = ShellyOptions(host=stand_in.host).open()
        assert meter.read() == {POWER: 8.25, ENERGY: 0.0}
        energy = {**GEN2[SWITCH], "aenergy": {"total": 12.501}}
        stand_in.answers[SWITCH] = (200, energy)
        assert meter.read()[ENERGY] == pytest.approx(3.6)
        other = ShellyOptions(host=stand_in.host, component="pm1", channel=1).open()
        assert other.read()[POWER] == 8.25


def test_tasmota() -> None:
    with plug(TASMOTA) as stand_in:
        meter = TasmotaOptions(host=stand_in.host).open()
        assert meter.read() == {POWER: 9.0, ENERGY: 0.0}
        assert set(stand_in.asked) == {STATUS_8}


def test_tasmota_with_several_relays_gives_lists() -> None:
    several = {"StatusSNS": {"ENERGY": {"Total": 1.25, "Power": [9, 4], "Voltage": 231}}}
    assert tasmota.parse(several, 1).power_w == 4.0
    assert tasmota.parse(several, 1).energy_j is None
    with pytest.raises(ValueError, match="Power as a number"):
        tasmota.parse(several, 2)


def mutated(answer: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """A copy with one value replaced, or removed where ``to`` is ``...``."""
    changed = copy.deepcopy(answer)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return changed


WRONG = [..., None, "8.25", True, [8.25], -8.25, 8250.0, float("nan"), float("inf")]
WRONG_IDS = ["missing", "null", "text", "bool", "list", "sign", "mW", "nan", "inf"]


@pytest.mark.parametrize("value", WRONG, ids=WRONG_IDS)
@pytest.mark.parametrize(
    ("options", "answers", "path", "keys"),
    [
        (ShellyOptions, GEN1, METER, ("power",)),
        (ShellyOptions, GEN2, SWITCH, ("apower",)),
        (TasmotaOptions, TASMOTA, STATUS_8, ("StatusSNS", "ENERGY", "Power")),
    ],
    ids=["gen1", "gen2", "tasmota"],
)
def test_a_mutated_power_is_no_reading(
    options: Any, answers: Any, path: str, keys: tuple[str, ...], value: Any
) -> None:
    if isinstance(value, list) and options is TasmotaOptions:
        value = [None]
    with plug(answers) as stand_in:
        meter = options(host=stand_in.host).open()
        stand_in.answers[path] = (200, mutated(answers[path], *keys, to=value))
        with pytest.raises(ValueError):
            meter.read()


@pytest.mark.parametrize("total", [12.4, 0.0, 1e6], ids=["falls", "reset", "jumps"])
def test_a_counter_that_was_reset_is_a_gap_of_its_own(total: float) -> None:
    with plug(GEN2) as stand_in:
        meter = ShellyOptions(host=stand_in.host).open()
        meter.read()
        stand_in.answers[SWITCH] = (200, mutated(GEN2[SWITCH], "aenergy", "total", to=total))
        assert meter.read() == {POWER: 8.25}
        stand_in.answers[SWITCH] = (200, GEN2[SWITCH])
        assert meter.read() == {POWER: 8.25}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, "Unauthorized"), "asks for a password"),
        ((500, "oops"), "with 500"),
        ((200, "{"), "something else than JSON"),
        ((200, '{"apower": 8.25, "aen'), "something else than JSON"),
        ((200, "[]"), "something else than an object"),
        ((200, {"id": 0, "output": True}), "does not measure"),
        ((200, {**GEN2[SWITCH], "errors": ["overpower"]}), "reports"),
    ],
    ids=["password", "500", "cut", "cut later", "list", "no meter", "errors"],
)
def test_answers_that_are_none(answer: tuple[int, Any], message: str) -> None:
    with plug(GEN2) as stand_in:
        meter = ShellyOptions(host=stand_in.host).open()
        stand_in.answers[SWITCH] = answer
        with pytest.raises(ValueError, match=message):
            meter.read()


def test_a_reading_that_the_plug_itself_calls_invalid() -> None:
    with pytest.raises(ValueError, match="not valid"):
        shelly.parse_gen1({**GEN1[METER], "is_valid": False})


def test_other_devices_are_refused() -> None:
    with plug({"/shelly": {"hello": "world"}}) as stand_in, pytest.raises(ValueError, match="no Shelly plug"):
        ShellyOptions(host=stand_in.host).open()
    with (
        plug({STATUS_8: {"StatusSNS": {"Time": "x"}}}) as stand_in,
        pytest.raises(ValueError, match="does not measure"),
    ):
        TasmotaOptions(host=stand_in.host).open()
    with plug({STATUS_8: {"WARNING": "Need user"}}) as stand_in, pytest.raises(ValueError, match="asks for a password"):
        TasmotaOptions(host=stand_in.host).open()


def test_a_plug_that_is_gone() -> None:
    with plug(GEN2) as stand_in:
        meter = ShellyOptions(host=stand_in.host).open()
    with pytest.raises(OSError, match="does not answer"):
        meter.read()
