"""Promise 12: whether an energy that was not measured becomes a number in a decision."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agents.device_facts import SensorProbe
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session
from tests.metered import BOARD, PACKAGE, busy_power, idle_session, sampled
from tests.promises.figures.row import NONE, Row
from tests.sessions import STUDY, artifact, candidate, race, score, session

BASE, ENERGY = candidate(), "energy_mj_per_audio_s"


def metered(probe: SensorProbe = BOARD) -> Session:
    """16 s at 3.2 W."""
    of = session(BASE, service_ms=8.0)
    return sampled(of, busy_power(of.arrays["t_ns"], 3.0), probe=probe)


def silenced(of: Session, gone: np.ndarray) -> Session:
    """The session with these readings failed, as the sampler keeps them: NaN at their time."""
    name = next(name for name in of.arrays if BOARD.name in name or PACKAGE.name in name)
    values = of.arrays[name].copy()
    values[gone[: len(values)]] = math.nan
    return replace(of, arrays={**of.arrays, name: values})


def decided(sessions: list[Session], objective: str = "latency", **limits: float) -> Decision:
    constraints = Constraints(**limits)
    return decide(STUDY, sessions, [artifact()], [score(BASE)], objective=Objective(objective), constraints=constraints)


ABSENT: dict[str, Callable[[], list[Session]]] = {
    "no sensor": lambda: race(BASE),
    "no sensor, idle session all the same": lambda: [
        replace(idle_session(), environment=race(BASE)[0].environment),
        *race(BASE),
    ],
    "a sensor that never answered": lambda: [idle_session(), silenced(metered(), np.ones(400, dtype=bool))],
    "no idle session": lambda: [metered()],
    "an idle session that failed": lambda: [
        replace(idle_session(), result=session(BASE, failure="killed").result),
        metered(),
    ],
    "an idle session without readings": lambda: [silenced(idle_session(), np.ones(400, dtype=bool)), metered()],
}


def summed_j(sessions: list[Session]) -> float:
    """The naive way: the sum over the readings that there are, above the idle power or none."""
    total_j = 0.0
    for of in sessions:
        for name, values in of.arrays.items():
            if name.startswith("sample_power_w__"):
                times = of.times_of(name.partition("__")[2], len(values))
                assert times is not None
                total_j += float(np.nansum(values[1:] * np.diff(times) / 1e9))
    return total_j


def rows() -> list[Row]:
    found = {how: make() for how, make in ABSENT.items()}
    ours = [decided(made).of(BASE.key).metrics[ENERGY].value is not None for made in found.values()]
    sums = [summed_j([of for of in made if of.ok and of.planned.mode == "paced"]) for made in found.values()]
    return [
        Row(
            12,
            f"absent energies that a decision shows as a number, in {len(found)} ways to be absent",
            NONE,
            100 * float(np.mean(ours)),
            100 * float(np.mean([math.isfinite(total) for total in sums])),
            "the sum of what was read",
            naive_note=f"0 J in {sums.count(0.0)} of {len(sums)}",
        )
    ]
