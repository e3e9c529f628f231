"""Promise 14: whether observing is known to change what is observed. A load whose disturbance is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from agents import wire
from orchestrator.domain.observer import MATTERS, OnOff
from orchestrator.domain.session import Session
from orchestrator.workflows.observer import OFF, ON, PAIRS, on_off
from orchestrator.workflows.progress import Silent
from tests.promises.figures.row import Row, at_least, at_most
from tests.sessions import ENVIRONMENT, candidate, flat_out_times, session
from tests.simulator.service import Service

SERVICE = Service(2.0, noise=0.05, correlation=0.5, process_noise=0.005)
# A device that heats up takes as much longer from the first run to the last one.
DRIFT = 0.2
# By so much a sampler that computes makes the work longer: ten times a second, in whichever chunk it meets.
HEAVY = 0.12
COST = wire.ObserverCost(1.0, 0.99, 0.004, 0.016, 600, 0.002, 1.0, 16_000_000, 16_000_000, 14_000_000)


@dataclass
class Disturbed:
    """Runs of one load on a device that drifts; with the observer on, the work is longer by ``share``."""

    seed: int
    share: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([14, self.seed])
        self._runs = 0

    def __call__(self, mode: str, chunks: int) -> Session:
        costs_ns = SERVICE.costs_ns(self._rng, chunks) * (1.0 + self.drift * self._runs / (2 * PAIRS))
        self._runs += 1
        if mode == ON and self.share:
            costs_ns = costs_ns + self._taken_ns(costs_ns)
        of = session(candidate(), "flat-out", chunks=chunks, t_ns=flat_out_times(costs_ns.astype(np.int64)))
        return replace(of, result=replace(of.result, observer=COST))

    def _taken_ns(self, costs_ns: np.ndarray) -> np.ndarray:
        ends_ns = np.cumsum(costs_ns)
        wakes_ns = np.cumsum(self._rng.uniform(0.5e8, 1.5e8, int(ends_ns[-1] / 0.5e8) + 1))
        met = np.searchsorted(ends_ns, wakes_ns[wakes_ns < ends_ns[-1]])
        return np.bincount(met, minlength=len(costs_ns)) * self.share * 1e8


def earshot(run: Callable[[str, int], Session]) -> OnOff:
    return on_off(run, ENVIRONMENT, Silent())


def naive_sees_a_change(run: Callable[[str, int], Session]) -> bool:
    """First all runs with the observer, then all without it, and the two means beside each other."""
    means = [np.mean([_mean_ms(run(mode, 500)) for _ in range(PAIRS)]) for mode in (ON, OFF)]
    return abs(means[0] / means[1] - 1.0) > MATTERS


def _mean_ms(of: Session) -> float:
    return float(of.timeline(16_000).service_ns.mean()) / 1e6


def rows(trials: int = 200) -> list[Row]:
    found = [earshot(Disturbed(trial, drift=DRIFT)) for trial in range(trials)]
    naive = [naive_sees_a_change(Disturbed(trial, drift=DRIFT)) for trial in range(trials)]
    heavy = [earshot(Disturbed(trial, share=HEAVY)).changes for trial in range(trials)]
    unsure = sum(one.changes is None for one in found)
    return [
        Row(
            14,
            f"on/off comparisons that see a change where there is none, on a device that gets {100 * DRIFT:g} % slower",
            at_most(5),
            100 * sum(one.changes is True for one in found) / trials,
            100 * sum(naive) / trials,
            "all runs with the observer, then all without it",
            earshot_note=f"{100 * unsure / trials:.3g} % labelled: cannot say",
        ),
        Row(
            14,
            f"observers that make the work {100 * HEAVY:g} % longer and are noticed",
            at_least(95),
            100 * sum(one is True for one in heavy) / trials,
            0.0,
            "a script that times its calls with its own readings between them has nothing to compare with",
        ),
    ]
