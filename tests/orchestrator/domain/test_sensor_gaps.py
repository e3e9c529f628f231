"""A sensor that vanishes while a session runs, and counters that run backwards: marked, never bridged, and told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents import wire
from agents.device_facts import SensorProbe
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import Estimate
from orchestrator.domain.energy import NoEnergy, drawn
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import CLOCKS, ENERGY, INVALID, SUSPECT, VALID, judge
from orchestrator.domain.sustained import sustained
from tests.metered import BOARD, PACKAGE, busy_power, idle_session, sampled
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ, STUDY, artifact, candidate, paced_times, score, service, session

S = 1_000_000_000
BUSY_W = 4.0
LOOKS = {
    BOARD.name: ("sample_t_ns__ina3221", "sample_power_w__ina3221.VDD_IN"),
    PACKAGE.name: ("sample_t_ns__rapl", "sample_energy_j__rapl.0.package-0"),
}


def metered(block: int = 0, probe: SensorProbe = BOARD) -> Session:
    """16 s of chunks, each 5 ms at 4 W above the idle device."""
    times = paced_times(service(5.0, 800, block))
    return sampled(session(candidate(), block=block, t_ns=times), busy_power(times, BUSY_W), probe=probe, seed=block)


def without(of: Session, begin_s: float, end_s: float, *, rows: bool, probe: SensorProbe = BOARD) -> Session:
    """The sensor says nothing from ``begin_s`` to ``end_s``: no rows at all, or NaN in each."""
    time_name, name = LOOKS[probe.name]
    t_ns, values = of.arrays[time_name], of.arrays[name].copy()
    since_s = (t_ns - of.arrays["t_ns"][0, 0]) / S
    gone = (since_s >= begin_s) & (since_s < end_s)
    values[gone] = math.nan
    keep = np.ones(len(t_ns), bool) if rows else ~gone
    return replace(of, arrays={**of.arrays, time_name: t_ns[keep], name: values[keep]})


@pytest.mark.parametrize("probe", [BOARD, PACKAGE], ids=["samples", "counter"])
@pytest.mark.parametrize("rows", [True, False], ids=["failed readings", "no readings"])
def test_a_power_sensor_that_vanishes_is_a_doubt_of_the_energy_alone(probe: SensorProbe, rows: bool) -> None:
    verdict = judge(without(metered(probe=probe), 4.0, 6.0, rows=rows, probe=probe), SAMPLE_RATE_HZ)
    (doubt,) = verdict.doubts
    assert (doubt.cause, doubt.about, doubt.kind) == ("sensor-gap", ENERGY, SUSPECT)
    assert f"{probe.name} said nothing for 2" in doubt.reason
    assert (verdict.kind, verdict.kind_of(ENERGY), verdict.again) == (VALID, SUSPECT, False)
    assert doubt.reason in str(verdict), "a valid session tells what is the matter with one figure"


def test_what_lies_in_the_gap_is_not_made_up() -> None:
    """The device draws 50 W for two seconds that nobody sees: the power stays that of the rest."""
    of = metered()
    time_name, name = LOOKS[BOARD.name]
    timeline = of.timeline(SAMPLE_RATE_HZ)
    plain = drawn(of, timeline).power_w
    since_s = (of.arrays[time_name] - of.arrays["t_ns"][0, 0]) / S
    hot = np.where((since_s > 4.2) & (since_s < 5.8), 50.0, of.arrays[name])
    found = drawn(without(replace(of, arrays={**of.arrays, name: hot}), 4.0, 6.0, rows=False), timeline)
    assert found.power_w == pytest.approx(plain, rel=0.05)
    assert found.energy.gaps == 1
    assert found.energy.missed_s == pytest.approx(2.0, abs=0.4)
    assert found.energy.covered_s == pytest.approx(16.0 - 2.0, abs=0.4)


def test_failed_readings_here_and_there_are_none() -> None:
    of = metered()
    name = LOOKS[BOARD.name][1]
    values = of.arrays[name].copy()
    values[60] = math.nan
    assert judge(replace(of, arrays={**of.arrays, name: values}), SAMPLE_RATE_HZ).doubts == ()


def test_a_counter_that_is_set_back_loses_that_stretch_and_no_energy_is_negative() -> None:
    of = metered(probe=PACKAGE)
    time_name, name = LOOKS[PACKAGE.name]
    since_s = (of.arrays[time_name] - of.arrays["t_ns"][0, 0]) / S
    values = np.where(since_s < 8.0, of.arrays[name], of.arrays[name] - of.arrays[name][since_s < 8.0].max())
    back = replace(of, arrays={**of.arrays, name: values})
    timeline = of.timeline(SAMPLE_RATE_HZ)
    found, plain = drawn(back, timeline), drawn(of, timeline)
    assert found.energy.gaps == 1
    assert found.power_w == pytest.approx(plain.power_w, rel=0.02)
    assert judge(back, SAMPLE_RATE_HZ).doubts == (), "a fall costs one interval of two hundred"


def test_a_counter_that_only_runs_backwards_has_no_energy() -> None:
    of = metered(probe=PACKAGE)
    name = LOOKS[PACKAGE.name][1]
    back = replace(of, arrays={**of.arrays, name: of.arrays[name][::-1].copy()})
    with pytest.raises(NoEnergy, match="known for 0 s"):
        drawn(back, of.timeline(SAMPLE_RATE_HZ))
    assert judge(back, SAMPLE_RATE_HZ).kind_of(ENERGY) == SUSPECT


def test_a_sensor_whose_clock_runs_backwards_has_no_energy() -> None:
    of = metered()
    time_name = LOOKS[BOARD.name][0]
    t_ns = of.arrays[time_name].copy()
    t_ns[80] = t_ns[70]
    back = replace(of, arrays={**of.arrays, time_name: t_ns})
    with pytest.raises(NoEnergy, match="must not run backwards"):
        drawn(back, of.timeline(SAMPLE_RATE_HZ))
    (doubt,) = judge(back, SAMPLE_RATE_HZ).doubts
    assert (doubt.about, "must not run backwards" in doubt.reason) == (ENERGY, True)


def energy_of(sessions: list[Session]) -> Estimate:
    whole = [idle_session(0), *sessions, idle_session(1)]
    found = decide(STUDY, whole, [artifact()], [score(candidate())], objective=Objective(), constraints=Constraints())
    return found.of(candidate().key).metrics["energy_mj_per_audio_s"]


def test_energy_stands_on_the_sessions_that_saw_it_where_they_are_half() -> None:
    sessions = [metered(block) for block in range(4)]
    whole = energy_of(sessions)
    some = energy_of([without(s, 4.0, 6.0, rows=True) if s.planned.block < 2 else s for s in sessions])
    assert (whole.n, some.n) == (4, 2)
    assert whole.value is not None
    assert some.value == pytest.approx(whole.value, rel=0.05)
    none = energy_of([without(s, 4.0, 6.0, rows=True) if s.planned.block < 3 else s for s in sessions])
    assert none.value is None
    assert "3 of 4 sessions are suspect: ina3221.VDD_IN said nothing for 2" in (none.reason or "")


def clocked(frequency_hz: list[float], hz: float = 1.0, minutes: int = 4) -> Session:
    """Readings of one core clock from the first chunk on."""
    count = minutes * 60 * S // CHUNK_NS
    of = session(candidate(), t_ns=paced_times(service(4.0, count, 0)))
    t_ns = of.arrays["t_ns"][0, 0] + (np.arange(len(frequency_hz)) / hz * S).astype(np.int64)
    clock = {"sample_t_ns": t_ns, "sample_frequency_hz__policy0": np.array(frequency_hz)}
    return replace(of, arrays={**of.arrays, **clock})


def test_a_clock_that_vanishes_is_a_doubt_of_the_clocks() -> None:
    verdict = judge(clocked([2e9] * 120 + [math.nan] * 120), SAMPLE_RATE_HZ)
    (doubt,) = verdict.doubts
    assert (doubt.cause, doubt.about, verdict.kind) == ("sensor-gap", CLOCKS, VALID)
    assert "policy0 was not read for 121 s of 240 s" in doubt.reason


def test_the_rest_of_a_session_is_not_told_by_its_first_half() -> None:
    """Read until the middle only, where it had begun to fall: nobody knows about the last third."""
    verdict = judge(clocked([2e9] * 80 + [1e9] * 40 + [math.nan] * 120), SAMPLE_RATE_HZ)
    assert [doubt.cause for doubt in verdict.doubts] == ["sensor-gap"]


def test_ten_low_readings_on_both_sides_of_a_gap_are_not_ten_in_a_row() -> None:
    across = clocked([2e9] * 60 + [1e9] * 6 + [math.nan] * 60 + [1e9] * 6 + [2e9] * 108)
    assert sustained(across, SAMPLE_RATE_HZ).throttled_s is None
    assert sustained(across, SAMPLE_RATE_HZ).clock_missed_s == pytest.approx(61.0)
    behind = clocked([2e9] * 60 + [1e9] * 6 + [math.nan] * 60 + [1e9] * 12 + [2e9] * 102)
    assert sustained(behind, SAMPLE_RATE_HZ).throttled_s == pytest.approx(126.0)


def test_an_observer_that_computes_is_a_doubt() -> None:
    cost = wire.ObserverCost(2.0, 1.9, 0.3, 0.35, None, watchdog_cpu_s=0.01, wall_s=1.0)
    of = session(candidate())
    heavy = replace(of, result=replace(of.result, observer=cost))
    verdict = judge(heavy, SAMPLE_RATE_HZ)
    assert (verdict.kind, [d.cause for d in verdict.doubts]) == (SUSPECT, ["observer"])
    assert "took 31 % of a core" in verdict.reasons[0]
    light = replace(of, result=replace(of.result, observer=replace(cost, sampler_cpu_s=0.01)))
    assert judge(light, SAMPLE_RATE_HZ).kind == VALID


def test_a_grave_doubt_of_the_session_is_one_of_its_energy_too() -> None:
    assert judge(session(candidate(), throttled_after=True), SAMPLE_RATE_HZ).kind_of(ENERGY) == INVALID
