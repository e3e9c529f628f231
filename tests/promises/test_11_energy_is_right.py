"""Promise 11: energy is right. Loads whose energy is known exactly, as the sampler looks at them.

The naive way beside it: the same trapezoid at a fixed 10 Hz, which meets the same phases of every chunk.
"""

import numpy as np
import pytest

from orchestrator.statistics.energy import energy_of_counter, energy_of_samples, in_step
from tests.orchestrator.statistics.waveforms import Waveform, bursts, fixed_ns, jittered_ns, sine, square
from tests.promises.figures import p11

S = 1_000_000_000
HZ = 10.0
# As long as a session that a recommendation stands on: 5 min of paced chunks, and as much again.
SECONDS = 600.0
SEEDS = range(12)
# (load, period of a chunk in s): bursts as a chunk's work is, and smooth ones.
LOADS = [
    (bursts(0.08, 0.1), 0.08),
    (bursts(0.08, 0.3), 0.08),
    (bursts(0.02, 0.3), 0.02),
    (square(0.02), 0.02),
    (square(0.1), 0.1),
    (sine(0.1), 0.1),
    (sine(0.02), 0.02),
]


def error(load: Waveform, t_ns: np.ndarray) -> float:
    found = energy_of_samples(t_ns, load.power_w(t_ns / S), 0, round(SECONDS * S))
    assert found.energy_j is not None
    return abs(found.energy_j / float(load.energy_j(np.array(SECONDS))) - 1.0)


@pytest.mark.parametrize(("load", "chunk_s"), LOADS)
def test_jittered_ten_hertz_is_within_two_per_cent(load: Waveform, chunk_s: float) -> None:
    assert max(error(load, jittered_ns(HZ, SECONDS, seed)) for seed in SEEDS) <= 0.02


@pytest.mark.parametrize(("load", "chunk_s"), LOADS)
def test_fixed_ten_hertz_is_off_by_more_than_ten_and_is_refused(load: Waveform, chunk_s: float) -> None:
    looks = [fixed_ns(HZ, SECONDS, phase_s) for phase_s in chunk_s * (np.arange(40) + 0.5) / 40]
    assert max(error(load, t_ns) for t_ns in looks) > 0.10
    assert all(in_step(t_ns, round(chunk_s * S)) for t_ns in looks)


@pytest.mark.parametrize(("load", "chunk_s"), LOADS)
def test_a_counter_is_within_a_tenth_of_a_per_cent_at_any_rate(load: Waveform, chunk_s: float) -> None:
    for t_ns in (fixed_ns(HZ, SECONDS), jittered_ns(HZ, SECONDS, 0), jittered_ns(1.0, SECONDS, 0)):
        found = energy_of_counter(t_ns, load.energy_j(t_ns / S + 1e3), 0, round(SECONDS * S))
        truth = float(load.energy_j(np.array(SECONDS + 1e3)) - load.energy_j(np.array(1e3)))
        assert found.energy_j == pytest.approx(truth, rel=1e-3)


def test_sessions_of_a_simulated_device_draw_what_the_sampler_says() -> None:
    """Ten minutes of chunks through the agent's loop and its sampler."""
    (row,) = p11.rows(seeds=1)
    assert row.earshot <= 2
    assert row.naive > 10
