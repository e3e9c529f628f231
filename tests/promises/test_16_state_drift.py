"""Promise 16: state drift is what it is. Recurrences whose divergence from fp32 is known in closed form.

The naive way beside it: a regression line over the loops, which claims a trend wherever the state wanders.
"""

from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.state_drift import FREE_RUNNING, TEACHER_FORCED, WITH_RESETS
from orchestrator.statistics.loops import growth_per_loop
from tests.promises.drifting import CHUNK_S, LEVEL, drift_of, graph, state
from tests.promises.figures.p16 import (
    GAIN_ERROR,
    LOOPS,
    STEP,
    called_drift,
    line_claims_growth,
    wandering,
)

MINUTE_CHUNKS = 60 / CHUNK_S


def test_a_contracting_recurrence_is_bounded_by_its_geometric_series(tmp_path: Path) -> None:
    memory = 0.9
    report = drift_of(tmp_path, graph(memory), graph(memory, 1 + GAIN_ERROR), tolerance=0.005)
    forced, free = state(report, TEACHER_FORCED), state(report, FREE_RUNNING)
    assert report.verdict == "bounded"
    assert report.sentence.startswith("Bounded: over 10 min")
    assert forced.max_abs == pytest.approx(STEP, rel=1e-4)
    assert free.max_abs == pytest.approx(STEP / (1 - memory), rel=1e-4)
    assert free.snr_db == pytest.approx(20 * np.log10(1 / GAIN_ERROR), abs=0.01)
    assert free.cosine == pytest.approx(1.0, abs=1e-9)
    # STEP (1 - 0.9^k) / 0.1 passes the tolerance of 0.005 x 2.5 in its 4th chunk.
    first = next(k for k in range(1, 100) if STEP * (1 - memory**k) / (1 - memory) > 0.005 * LEVEL / (1 - memory))
    assert free.time_to_tolerance_s == pytest.approx(first * CHUNK_S)


def test_an_integrator_drifts_at_its_own_rate(tmp_path: Path) -> None:
    report = drift_of(tmp_path, graph(1.0), graph(1.0, 1 + GAIN_ERROR), tolerance=0.005)
    forced, free = state(report, TEACHER_FORCED), state(report, FREE_RUNNING)
    chunks = 10 * MINUTE_CHUNKS
    assert report.verdict == "drifts"
    assert forced.verdict == "bounded"
    assert forced.max_abs == pytest.approx(STEP, rel=1e-9)
    assert free.max_abs == pytest.approx(chunks * STEP, rel=1e-9)
    slope = free.slope_per_minute
    assert (slope.low, slope.value, slope.high) == pytest.approx((MINUTE_CHUNKS * STEP,) * 3, rel=1e-9)
    # The tolerance is 0.005 of the peak, 1500: it is passed by the first whole number of steps above 7.5.
    assert free.tolerance == pytest.approx(0.005 * chunks * LEVEL)
    assert free.time_to_tolerance_s == pytest.approx((np.floor(free.tolerance / STEP) + 1) * CHUNK_S)


def test_a_reset_in_silence_restores_the_integrator(tmp_path: Path) -> None:
    source, artifact = graph(1.0), graph(1.0, 1 + GAIN_ERROR)
    report = drift_of(tmp_path, source, artifact, speech_s=4.0, silence_s=1.0, times=20)
    free, remedied = state(report, FREE_RUNNING), state(report, WITH_RESETS)
    assert (free.verdict, remedied.verdict) == ("drifts", "bounded")
    assert remedied.max_abs == pytest.approx(4.0 / CHUNK_S * STEP, rel=1e-9)
    assert remedied.slope_per_minute.value == 0.0
    assert report.resets == 600 / 5
    assert "With the state set anew in silence (120 times): bounded" in report.further[0]


def test_a_long_memory_grows_until_it_forgets(tmp_path: Path) -> None:
    memory = float(np.float32(np.exp(-CHUNK_S / 300)))
    report = drift_of(tmp_path, graph(memory), graph(memory, 1 + GAIN_ERROR))
    free = state(report, FREE_RUNNING)
    assert report.verdict == "drifts"
    end = STEP * (1 - memory ** (10 * MINUTE_CHUNKS)) / (1 - memory)
    assert free.max_abs == pytest.approx(end, rel=2e-3)


def test_a_growing_recurrence_diverges(tmp_path: Path) -> None:
    report = drift_of(tmp_path, graph(0.999), graph(1.003))
    assert report.verdict == "diverges"
    assert state(report, TEACHER_FORCED).verdict != "diverges"
    assert "the error multiplies" in state(report, FREE_RUNNING).reason


def test_what_overflows_diverges_at_its_time(tmp_path: Path) -> None:
    report = drift_of(tmp_path, graph(0.5), graph(2.0))
    free = state(report, FREE_RUNNING)
    # LEVEL (2^k - 1) leaves float32 with the 130th chunk.
    assert free.finite_until_s == pytest.approx(129 * CHUNK_S)
    assert (free.verdict, free.max_abs) == ("diverges", None)


def test_an_artifact_that_equals_its_source_does_not_drift(tmp_path: Path) -> None:
    report = drift_of(tmp_path, graph(1.0), graph(1.0))
    assert report.verdict == "bounded"
    assert all(t.max_abs == 0 and t.time_to_tolerance_s is None for t in report.tensors)


RUNS = 3000


@pytest.mark.parametrize("kind", ["walk", "forgets"])
def test_wandering_without_a_trend_is_called_drift_in_one_of_forty(kind: str) -> None:
    series = wandering(kind, np.random.default_rng(16), RUNS)
    ours = called_drift(series)
    naive = np.mean([line_claims_growth(means) for means in series])
    # 2.5 % nominal on this side; three standard errors of the simulation.
    assert ours <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / RUNS)
    assert naive > 0.20


def test_intervals_of_a_drifting_walk_cover_its_drift() -> None:
    series = wandering("walk", np.random.default_rng(61), RUNS) + 0.7 * np.arange(LOOPS)
    found = [growth_per_loop(means) for means in series]
    covered = np.mean([i.low <= 0.7 <= i.high for i in found if i.low is not None and i.high is not None])
    assert 0.93 <= covered <= 0.97
