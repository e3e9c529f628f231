"""A night's first look at all series: what is suspect, which re-runs would decide it, and what needs none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.decide.regression.certain import change_in_value
from orchestrator.decide.regression.lab import kind_of, movements
from orchestrator.decide.regression.nights import change_over_nights
from orchestrator.decide.regression.rerun import rerun_of
from orchestrator.decide.regression.suspect import suspicion
from orchestrator.decide.regression.trace import Trace, trace_of
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import EXACT, RATIO, Series
from orchestrator.domain.regression import ASPECTS, BY_ITEMS, BY_VALUE, ConfirmationRequest, Suspicion
from orchestrator.statistics.interval import Interval


@dataclass(frozen=True)
class Watched:
    """``reference``: the same metric of the reference model on the same device, None where it runs none.

    ``level_since``: the night on which the level began that is accepted (a confirmed change, a repaired device).
    """

    series: Series
    reference: Series | None = None
    level_since: str | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """``lasts``: found over nights, it holds without a re-run. ``rerun``: None where nothing was pushed anew."""

    series: Series
    trace: Trace
    suspicion: Suspicion
    lasts: bool
    rerun: ConfirmationRequest | None


@dataclass(frozen=True)
class Certain:
    """A change that no noise can feign; ``relative``: its effect is a ratio."""

    series: Series
    effect: Interval
    relative: bool

    @property
    def known_by(self) -> str:
        return BY_VALUE if self.series.key.watched.noise == EXACT else BY_ITEMS


@dataclass(frozen=True)
class Look:
    """``looked_at``: how many aspects of series were, among which ``cases`` are those that are suspect."""

    cases: tuple[Case, ...]
    certain: tuple[Certain, ...]
    looked_at: int

    @property
    def requests(self) -> tuple[ConfirmationRequest, ...]:
        """One per configuration, the most doubtful first: where a night has no time for all, the last ones wait."""
        asked: dict[tuple[str, ...], list[Case]] = {}
        for case in sorted(self.cases, key=lambda case: case.suspicion.p_value):
            if case.rerun is not None:
                asked.setdefault(case.series.key.configuration, []).append(case)
        return tuple(_joined(cases) for cases in asked.values())


def look(watched: Sequence[Watched], tuning: Tuning = DEFAULT) -> Look:
    """About the last night of each series; one whose night is missing does not belong here.

    Raises BadInput without the extra ``regression``.
    """
    cases, certain, count = [], [], 0
    lab = movements([each.reference for each in watched if each.reference is not None])
    for each in watched:
        series = each.series.since(each.level_since)
        if series.key.watched.noise != RATIO:
            count += 1
            found = change_in_value(series)
            certain += [Certain(series, *found)] if found is not None else []
            continue
        reference = _known_since(each.reference, each.level_since)
        count += len(ASPECTS)
        suspected = [_case(series, aspect, reference, lab.get(kind_of(series.key), {}), tuning) for aspect in ASPECTS]
        cases += [case for case in suspected if case is not None]
    return Look(tuple(cases), tuple(certain), count)


def _known_since(reference: Series | None, at: str | None) -> Series | None:
    """None where the reference has not run since then."""
    return None if reference is None or reference.last.at < (at or "") else reference.since(at)


def _case(
    series: Series, aspect: str, reference: Series | None, lab: Mapping[str, float], tuning: Tuning
) -> Case | None:
    trace = trace_of(series, aspect, reference, lab)
    if not len(trace) or trace.nights[-1] is not series.last:
        return None
    over_nights = change_over_nights(series.key, aspect, trace, tuning)
    # A change over nights says better since when.
    found = over_nights or suspicion(series.key, aspect, trace, tuning)
    if found is None:
        return None
    return Case(series, trace, found, over_nights is not None, rerun_of(series, [found], tuning))


def _joined(cases: Sequence[Case]) -> ConfirmationRequest:
    asked = [case.rerun for case in cases if case.rerun is not None]
    return ConfirmationRequest(
        min((each.old for each in asked), key=lambda night: night.at),
        asked[0].new,
        max(each.pairs for each in asked),
        tuple(suspicion for each in asked for suspicion in each.suspicions),
    )
