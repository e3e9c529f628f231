"""The detection tried on simulated nights, one after another, with what was known then and the re-runs it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.regression.confirm import confirm
from orchestrator.decide.regression.device import drifts
from orchestrator.decide.regression.judge import conclude
from orchestrator.decide.regression.look import Watched, look
from orchestrator.decide.regression.rerun import again
from orchestrator.decide.regression.synthetic import Made
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import UNSURE, Confirmation, ConfirmationRequest, Verdict

# So many nights come first, to learn what is usual.
LEARNING = 14


@dataclass(frozen=True)
class Told:
    """One verdict about series number ``series`` on night ``night``."""

    series: int
    night: int
    verdict: Verdict


@dataclass(frozen=True)
class Rehearsal:
    """``reruns`` of ``pairs`` pairs in all were made in ``series_nights`` nights of series."""

    told: tuple[Told, ...]
    series_nights: int
    reruns: int
    pairs: int


def rehearse(made: Sequence[Made], seed: int, *, rerun: bool = True, tuning: Tuning = DEFAULT) -> Rehearsal:
    """``made``: series that are judged together. Without ``rerun``, only nights can confirm."""
    rng = np.random.default_rng([seed, 7])
    level_since: list[str | None] = [None] * len(made)
    number = {key: i for i, each in enumerate(made) for key in (each.series.key, each.reference.key)}
    told: list[Told] = []
    reruns = pairs = 0
    nights = range(LEARNING, made[0].world.nights)
    for night in nights:
        known = [each.until(night) for each in made]
        found = look([Watched(s, r, since) for (s, r), since in zip(known, level_since, strict=True)], tuning)
        answers: dict[tuple[SeriesKey, str], Confirmation] = {}
        for asked in found.requests if rerun else ():
            said, made_pairs = _answer(made[number[asked.suspicions[0].key]], asked, rng, tuning)
            answers |= {(each.suspicion.key, each.suspicion.aspect): each for each in said}
            reruns, pairs = reruns + 1, pairs + made_pairs
        drifting = drifts([r.since(since) for (_, r), since in zip(known, level_since, strict=True)], tuning)
        moved = {verdict.key.device for verdict in drifting}
        for verdict in (*drifting, *conclude(found, answers, moved, tuning)):
            i = number.get(verdict.key)
            if i is None:  # the lab's
                continue
            told.append(Told(i, night, verdict))
            if verdict.confirmed_by is not None:
                level_since[i] = verdict.since.at
    return Rehearsal(tuple(told), len(nights) * len(made), reruns, pairs)


def _answer(
    made: Made, asked: ConfirmationRequest, rng: np.random.Generator, tuning: Tuning
) -> tuple[list[Confirmation], int]:
    """What the re-run says, and how many pairs that took."""
    old, new = made.rerun(asked, rng)
    first = [confirm(each, old, new, asked.look, tuning) for each in asked.suspicions]
    open_still = [each.suspicion for each in first if each.outcome == UNSURE]
    if not open_still:
        return first, asked.pairs
    second = again(asked, open_still)
    more_old, more_new = made.rerun(second, rng)
    settled = [each for each in first if each.outcome != UNSURE]
    then = [confirm(each, old | more_old, new | more_new, second.look, tuning) for each in open_still]
    return [*settled, *then], asked.pairs + second.pairs
