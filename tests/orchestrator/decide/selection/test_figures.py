import numpy as np
import pytest

from orchestrator.decide.selection.evidence import Evidence, best_attempts, gather
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.session import Session
from tests.metered import sampled
from tests.sessions import SAMPLE_RATE_HZ, artifact, candidate, paced_times, race, score, service, session

BASE = candidate()


def evidence_of(sessions: list[Session]) -> Evidence:
    (found,) = gather(sessions, [artifact()], [score(BASE)], Policy())
    return found


def test_figures_are_those_of_the_sessions() -> None:
    found = evidence_of(race(BASE, 5, service_ms=3.0)).metrics
    assert found["service_p50_ms"].value == pytest.approx(3.0, rel=0.03)
    assert found["latency_p50_ms"].value == pytest.approx(3.05, rel=0.03)
    assert found["rtf"].value == pytest.approx(3.05 / 20, rel=0.03)
    assert found["miss_rate"].value == 0.0
    assert found["size_mb"].value == 0.8
    assert found["load_ms"].value == 30.0
    assert found["peak_rss_mb"].value == 40.0
    assert (found["latency_p50_ms"].n, found["service_p50_ms"].n) == (5, 3)


def test_the_run_is_the_unit_of_the_interval() -> None:
    levels = [2.0, 2.2, 2.1, 2.3]
    runs = [session(BASE, block=i, t_ns=paced_times(np.full(800, int(ms * 1e6)), 0)) for i, ms in enumerate(levels)]
    found = evidence_of(runs).metrics["latency_p50_ms"]
    half = 3.182446 * np.std(levels, ddof=1) / 2
    assert (found.value, found.low, found.high) == pytest.approx((2.15, 2.15 - half, 2.15 + half), rel=1e-6)


def test_p99_of_long_runs_is_over_runs() -> None:
    found = evidence_of(race(BASE, chunks=800)).metrics["latency_p99_ms"]
    assert (found.basis, found.n, found.reason) == ("runs", 4, None)


def test_p99_of_short_runs_is_pooled_and_says_so() -> None:
    found = evidence_of(race(BASE, 4, chunks=200)).metrics["latency_p99_ms"]
    assert found.value is not None
    assert (found.basis, found.n) == ("chunks", 800)
    assert "chunks of 4 runs together" in str(found.reason)


def test_p99_without_data_is_not_estimable() -> None:
    found = evidence_of(race(BASE, 4, chunks=100)).metrics["latency_p99_ms"]
    assert found.value is None
    assert found.reason == "not estimable: p99 needs 662 values, there are 400 in 4 runs"


def test_warm_up_is_left_out() -> None:
    cost = service(2.0, 800, 1)
    cost[:100] *= 4
    found = evidence_of([session(BASE, block=b, t_ns=paced_times(cost)) for b in range(3)])
    assert all(run.warmup.skip == pytest.approx(100, abs=16) for run in found.runs)
    assert found.metrics["latency_p99_ms"].value == pytest.approx(2.2, rel=0.05)


def test_absent_is_not_zero() -> None:
    sessions = [session(BASE, block=b, peak_mb=None if b == 1 else 40.0) for b in range(3)]
    found = evidence_of(sessions).metrics
    assert found["energy_mj_per_audio_s"].value is None
    assert found["energy_mj_per_audio_s"].reason == "no power sensor on this device"
    assert found["peak_rss_mb"].value is None
    assert found["peak_rss_mb"].reason == "1 of 3 sessions could not read it"
    assert found["service_p50_ms"].reason == "no flat-out session"


def test_power_without_an_idle_baseline_is_no_energy() -> None:
    metered = [sampled(run, lambda t: np.full(len(t), 2.0)) if "t_ns" in run.arrays else run for run in race(BASE)]
    reason = evidence_of(metered).metrics["energy_mj_per_audio_s"].reason
    assert reason == (
        "ina3221.VDD_IN was read, but there is no idle session, so no idle power that net energy is above"
    )


def test_the_highest_peak_of_all_runs_counts() -> None:
    found = evidence_of([session(BASE, block=b, peak_mb=mb) for b, mb in enumerate((40.0, 55.0, 41.0))])
    assert found.metrics["peak_rss_mb"].value == 55.0


def test_a_run_without_a_steady_state_is_marked() -> None:
    cost = service(2.0, 800, 1)
    cost[700:] *= 3
    found = evidence_of([session(BASE, block=b, t_ns=paced_times(cost)) for b in range(2)])
    assert found.metrics["latency_p50_ms"].reason == "2 of 2 runs reached no steady state"


def test_the_good_attempt_counts_and_a_cool_one_before_a_hot_one() -> None:
    failed = session(BASE, block=0, failure="killed")
    good = session(BASE, block=0, attempt=1)
    cool, hot = session(BASE, block=1), session(BASE, block=1, attempt=1, throttled_after=True)
    lost = session(BASE, block=2, failure="killed again")
    kept, failures = best_attempts([failed, good, cool, hot, lost], SAMPLE_RATE_HZ)
    assert {id(s) for s in kept} == {id(good), id(cool)}
    assert [f.reason for f in failures] == ["killed again"]


def test_times_that_run_backwards_are_a_failure() -> None:
    times = paced_times(service(2.0, 800, 1))
    times[400:] -= 10**9
    found = evidence_of([session(BASE, t_ns=times)])
    assert not found.runs
    assert "backwards" in found.failures[0].reason


def test_sessions_that_verified_are_no_evidence() -> None:
    verified = [session(BASE, block=1000 + i, service_ms=9.0) for i in range(2)]
    assert evidence_of(race(BASE) + verified).metrics["latency_p50_ms"].n == 4


def test_quality_is_shared_within_a_family_and_says_so() -> None:
    two = candidate(threads=2)
    sessions = race(BASE) + race(two)
    found = gather(sessions, [artifact()], [score(BASE, range(30))], Policy())
    loss = found[1].metrics["quality_loss"]
    assert (loss.value, loss.high) == (0.0, 0.0)
    assert "another number of threads" in str(loss.reason)


def test_the_worst_evaluation_set_counts() -> None:
    other = candidate("onnx:int8-dynamic")
    clips, track = [score(c, range(20)) for c in (BASE, other)], [score(BASE, range(20)), score(other, range(60))]
    track = [type(s)(**{**s.__dict__, "evaluation_sha256": "f" * 64}) for s in track]
    sessions, artifacts = race(BASE) + race(other), [artifact(), artifact("onnx:int8-dynamic")]
    both = gather(sessions, artifacts, clips + track, Policy())[1]
    assert both.metrics["quality_loss"].value == pytest.approx(0.04)
    half = gather(sessions, artifacts, [*clips, track[0]], Policy())[1]
    assert half.metrics["quality_loss"].value is None
