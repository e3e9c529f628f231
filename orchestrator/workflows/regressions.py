"""``earshot regressions``: the ledger's nights judged one after another, as they would have been each morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.decide.regression.confirm import confirm
from orchestrator.decide.regression.device import drifts
from orchestrator.decide.regression.judge import conclude
from orchestrator.decide.regression.look import Look, Watched, look
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import RATIO, Series, SeriesKey
from orchestrator.domain.regression import (
    DEVICE_DRIFT,
    LAB_DRIFT,
    SUSPECT,
    Confirmation,
    ConfirmationRequest,
    Verdict,
)
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.night_series import Nights, Point, read_nights


@dataclass(frozen=True)
class Regressions:
    """``night``: the last one that was judged. ``told``: its verdicts. ``before``: changes that earlier nights had
    confirmed, which are the accepted levels now. ``asked``: re-runs that would decide what is suspect.
    """

    night: str
    told: tuple[Verdict, ...]
    before: tuple[Verdict, ...]
    asked: tuple[ConfirmationRequest, ...]
    series: int
    learning: int
    notes: tuple[str, ...]

    @property
    def alerts(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.told if verdict.alert)


def regressions(
    results: Path,
    *,
    model: str | None = None,
    reference: str | None = None,
    night: str | None = None,
    tuning: Tuning = DEFAULT,
) -> Regressions:
    """``reference``: the model that is never changed, which tells a device's drift. ``night``: None is the last one.

    Raises LedgerError without a ledger; BadInput where it has no such night, model or reference, or without the extra.
    """
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        nights = read_nights(ledger)
    known = sorted({each.at for series in nights.series for each in series.nights})
    _require(nights, known, results, model, reference, night)
    last = night or known[-1]
    references = {_place(s.key): s for s in nights.series if s.key.model == reference}
    watched = [s for s in nights.series if s.key.model != reference and model in (None, s.key.model)]
    return _judged(nights, watched, references, [at for at in known if at <= last], tuning)


def _require(
    nights: Nights, known: Sequence[str], results: Path, model: str | None, reference: str | None, night: str | None
) -> None:
    if not known:
        raise BadInput(f"the ledger in {results} has no timed session that counts", hint="earshot ledger sessions")
    models = sorted({series.key.model for series in nights.series})
    for name in (model, reference):
        if name is not None and name not in models:
            raise BadInput(f"the ledger has no sessions of a model {name!r}", hint=f"it has {', '.join(models)}")
    if night is not None and night not in known:
        raise BadInput(
            f"nothing was measured in the night of {night}", hint=f"the last nights: {', '.join(known[-5:])}"
        )


def _place(key: SeriesKey) -> tuple[str, str, str]:
    return (key.device, key.mode, key.metric)


class _Course:
    """What one night leaves for the next: the levels that are accepted since a change was told."""

    def __init__(self, watched: Sequence[Series]) -> None:
        self._keys = [series.key for series in watched]
        self._lab_told: dict[SeriesKey, str] = {}
        self.level_since: dict[SeriesKey, str] = {}
        self.before: list[Verdict] = []

    def since(self, series: Series) -> Series:
        return series.since(self.level_since.get(series.key))

    def news(self, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
        """Without a drift of the lab that was told: no device's level follows from it, so that it would come again."""
        return tuple(v for v in verdicts if v.kind != LAB_DRIFT or v.since.earliest > self._lab_told.get(v.key, ""))

    def go_on(self, told: Sequence[Verdict]) -> None:
        for verdict in told:
            if verdict.confirmed_by is None:
                continue
            self.before.append(verdict)
            self.level_since[verdict.key] = verdict.since.at
            if verdict.kind == LAB_DRIFT:
                self._lab_told[verdict.key] = verdict.at
            if verdict.kind == DEVICE_DRIFT:
                # What runs on a device that moved has moved with it.
                mine = [key for key in self._keys if _place(key) == _place(verdict.key)]
                self.level_since |= dict.fromkeys(mine, verdict.since.at)


def _judged(
    nights: Nights,
    watched: Sequence[Series],
    references: Mapping[tuple[str, str, str], Series],
    known: Sequence[str],
    tuning: Tuning,
) -> Regressions:
    course = _Course(watched)
    told: tuple[Verdict, ...] = ()
    found = Look((), (), 0)
    for at in known:
        course.go_on(told)
        beside = {place: series for place, each in references.items() if (series := _until(each, at)) is not None}
        drifting = course.news(drifts([course.since(s) for s in beside.values() if s.last.at == at], tuning))
        tonight = [series for each in watched if (series := _until(each, at)) is not None and series.last.at == at]
        found = look([Watched(s, beside.get(_place(s.key)), course.level_since.get(s.key)) for s in tonight], tuning)
        moved = {verdict.key.device for verdict in drifting}
        told = (*drifting, *conclude(found, _answers(nights.reruns, found, at, tuning), moved, tuning))
    so_far = [series for each in watched if (series := _until(each, known[-1])) is not None]
    noisy = [course.since(series) for series in so_far if series.key.watched.noise == RATIO]
    learning = sum(len(series.nights) <= tuning.least_nights for series in noisy)
    suspect = {(verdict.key, verdict.aspect) for verdict in told if verdict.kind == SUSPECT}
    asked = tuple(r for r in found.requests if any((s.key, s.aspect) in suspect for s in r.suspicions))
    return Regressions(known[-1], told, tuple(course.before), asked, len(so_far), learning, nights.left_out)


def _until(series: Series, at: str) -> Series | None:
    known = tuple(night for night in series.nights if night.at <= at)
    return Series(series.key, known) if known else None


def _answers(
    reruns: Sequence[Point], found: Look, at: str, tuning: Tuning
) -> dict[tuple[SeriesKey, str], Confirmation]:
    """From studies of this night in which both artifacts ran."""
    answers = {}
    for asked in found.requests:
        for suspicion in asked.suspicions:
            own = [point for point in reruns if point.at == at and point.key == suspicion.key]
            old, new = (_values(own, night.artifact) for night in (asked.old, asked.new))
            if old and new:
                look_number = 1 if len(new) <= asked.pairs else 2
                answers[suspicion.key, suspicion.aspect] = confirm(suspicion, old, new, look_number, tuning)
    return answers


def _values(points: Sequence[Point], artifact: str) -> dict[tuple[str, int], float]:
    return {block: value for point in points if point.artifact == artifact for block, value in point.values.items()}
