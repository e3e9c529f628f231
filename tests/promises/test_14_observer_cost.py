"""Promise 14: what observing costs is told with each session, and whether it changes what is observed.

On and off in turn agree within the interval or are labelled; an observer that was made heavy is noticed.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agents import wire
from orchestrator.domain.observer import beside_share
from orchestrator.domain.session_verdict import INVALID, SUSPECT, SessionLimits, judge
from orchestrator.measure.doctor.finding import OK, UNKNOWN, WARN
from orchestrator.measure.doctor.observer_rules import observer_finding
from orchestrator.workflows.figures import session_figures
from tests.agents.device import RATE_HZ, Device
from tests.promises.figures import p14
from tests.promises.figures.p14 import Disturbed, earshot
from tests.sessions import candidate, session

AGENT = "a" * 64


def observed(result: wire.RunResult) -> wire.ObserverCost:
    assert result.outcome == "ok", result.reason
    assert result.observer is not None
    return result.observer


@pytest.mark.parametrize("mode", ["paced", "flat-out"])
def test_each_session_tells_what_observing_it_cost(tmp_path: Path, mode: str) -> None:
    device = Device(tmp_path)
    options = {"runtime": "echo", "provider": "echo", "session_options": {"service_us": "2000"}}
    result = device.run(device.spec(mode=mode, chunk_count=120, sampler_hz=10.0, **options)).result
    cost = observed(result)
    assert cost.wall_s is not None
    for cpu_s in (cost.process_cpu_s, cost.stage_cpu_s, cost.sampler_cpu_s, cost.watchdog_cpu_s):
        assert cpu_s is not None
        assert cpu_s >= 0
    assert cost.process_cpu_s >= cost.stage_cpu_s
    for rss_bytes in (cost.agent_rss_bytes, cost.sampler_rss_bytes, cost.watchdog_rss_bytes):
        assert rss_bytes is not None
        assert 1e6 < rss_bytes < 1e9
    shown = {f.name: f for f in session_figures(replace(session(candidate(), mode), result=result), RATE_HZ)}
    line = shown["observer, share of a core"]
    assert line.value == pytest.approx(100 * (cost.harness_cpu_share or 0.0))
    assert all(part in line.note for part in ("loop ", "sampler ", "watchdog ", " us a chunk", " MB beside the model"))
    assert "not measured: earshot devices doctor bench --observer" in shown["observer on / off"].note


def test_what_the_doctor_found_stands_beside_it() -> None:
    found = earshot(Disturbed(0))
    shown = {f.name: f for f in session_figures(session(candidate()), RATE_HZ, on_off=found)}
    assert "observer on / off" not in shown, "a session without an observer's cost has nothing beside it"
    of = replace(session(candidate()), result=replace(session(candidate()).result, observer=p14.COST))
    line = {f.name: f for f in session_figures(of, RATE_HZ, on_off=found)}["observer on / off"]
    assert line.value == found.ratio.value
    assert line.note == f"{found.said}; measured {found.at_utc[:10]}"


def test_off_is_off(tmp_path: Path) -> None:
    """Without sampler and without a journal that moves while the stream runs; its first and last events stay."""
    device = Device(tmp_path)
    run = device.run(device.spec(mode="paced", chunk_count=80, sampler_hz=0.0, progress_events=False))
    cost = observed(run.result)
    assert (cost.sampler_cpu_s, cost.sampler_rss_bytes) == (None, None)
    assert [event.kind for event in run.events] == ["accepted", "loaded", "finished"]
    assert set(device.arrays()) == {"t_ns", "final_t_ns"}


def test_on_and_off_agree_where_the_observer_takes_nothing() -> None:
    found = earshot(Disturbed(0))
    assert found.changes is False
    assert observer_finding(found, "bench", AGENT).severity == OK
    assert "no change beyond 5 %: service time x" in found.said


def test_noise_that_hides_it_is_labelled() -> None:
    found = earshot(Disturbed(0, drift=1.0))
    assert found.changes is None
    assert observer_finding(found, "bench", AGENT).severity == UNKNOWN
    assert "cannot say whether observing changes it" in found.said


def test_an_observer_that_was_made_heavy_is_noticed() -> None:
    found = earshot(Disturbed(0, share=0.2))
    assert found.changes is True
    assert found.ratio.value == pytest.approx(1.2, abs=0.05)
    assert observer_finding(found, "bench", AGENT).severity == WARN


def test_a_sensor_whose_tool_computes_makes_the_session_suspect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real sampler beside a real session; a stand-in vcgencmd that computes once it was found to answer."""
    tool = tmp_path / "bin" / "vcgencmd"
    tool.parent.mkdir()
    answers = 'case "$1" in measure_temp) echo "temp=51.0\'C";; measure_clock) echo "frequency(0)=1500000000";; esac'
    compute = "i=0; while [ $i -lt 500000 ]; do i=$((i + 1)); done"
    found = f'[ -e {tmp_path}/found ] && {{ {compute}; }}\n[ "$1" = measure_clock ] && touch {tmp_path}/found'
    tool.write_text(f"#!/bin/sh\n{found}\n{answers}\n")
    tool.chmod(0o755)
    device = Device(tmp_path / "device")
    spec = device.spec(mode="paced", chunk_count=200, sampler_hz=10.0)
    plain = observed(device.run(spec).result)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    heavy = device.run(replace(spec, session_id="heavy")).result
    usual, shown = beside_share(plain), beside_share(observed(heavy))
    assert usual is not None
    assert shown is not None
    assert shown > 5 * usual
    t_ns = device.arrays("heavy")["t_ns"]
    # Chunks of 160 samples at 16 kHz last as long as the candidate's 320 at twice that.
    of = replace(session(candidate()), result=heavy, arrays={"t_ns": t_ns})
    # Where others use this machine, the tool gets as little of it as everybody.
    verdict = judge(of, 2 * RATE_HZ, SessionLimits(observer_share=3 * usual))
    # Suspect of this; where others take the machine away, invalid because of them.
    assert verdict.kind_of(None) in (SUSPECT, INVALID)
    assert "observer" in [doubt.cause for doubt in verdict.doubts]


def test_the_table_of_promises() -> None:
    for row in p14.rows(trials=20):
        assert row.bound.holds(row.earshot), row
        assert not row.bound.holds(row.naive), row
