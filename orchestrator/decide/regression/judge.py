"""The night's verdicts: the suspicions with what their re-runs said, over all series together."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.regression.blame import blame, not_recorded
from orchestrator.decide.regression.look import Case, Certain, Look
from orchestrator.decide.regression.sentence import how_much, sentence
from orchestrator.decide.regression.since import at_once
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import AXES, PUSHED_AXES, SeriesKey
from orchestrator.domain.regression import (
    BY_NIGHTS,
    BY_RERUN,
    CONFIRMED,
    DEVICE_DRIFT,
    DISMISSED,
    IMPROVEMENT,
    LEVEL,
    REGRESSION,
    SUSPECT,
    UNSURE,
    Confirmation,
    Suspicion,
    Verdict,
    worsens,
)
from orchestrator.statistics.discovery import adjusted
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import ratio_unpaired

# What is not pushed, and stays the same on both sides of a re-run.
_PLACE_AXES = tuple(axis for axis in AXES if axis not in PUSHED_AXES)
Answers = Mapping[tuple[SeriesKey, str], Confirmation]


@dataclass(frozen=True)
class _Finding:
    """``p_value``: how often a series-night without a change comes this far."""

    kind: str
    effect: Interval
    confirmed_by: str | None
    p_value: float
    basis: str
    axes: Sequence[str]


def conclude(
    found: Look, answers: Answers | None = None, drifting: Collection[str] = (), tuning: Tuning = DEFAULT
) -> tuple[Verdict, ...]:
    """``answers``: by series and aspect, of the re-runs that were made. ``drifting``: devices whose reference model
    says so (``device.drifts``). Benjamini and Hochberg's rule over all that was looked at takes back what may be chance
    in so many series: it stays suspect.
    """
    answers = answers or {}
    findings = [
        _finding(case, answers.get((case.series.key, case.suspicion.aspect)), drifting, tuning) for case in found.cases
    ]
    held = adjusted([each.p_value for each in findings], max(found.looked_at, len(findings))) <= tuning.false_discovery
    judged = [
        _verdict(case, finding if hold or finding.confirmed_by is None else _taken_back(finding, found), tuning)
        for case, finding, hold in zip(found.cases, findings, held, strict=True)
    ]
    return (*(_certain(each) for each in found.certain), *judged)


def _finding(case: Case, answer: Confirmation | None, drifting: Collection[str], tuning: Tuning) -> _Finding:
    if answer is None:
        return _by_nights(case, tuning)
    old = f", {case.rerun.old.at} against now," if case.rerun else ""
    basis = f"a re-run of {answer.effect.n} interleaved pairs{old}"
    if answer.outcome == CONFIRMED:
        p = case.suspicion.rate * answer.p_value
        return _Finding(_changed(case, answer.effect), answer.effect, BY_RERUN, p, f"{basis} confirmed it", PUSHED_AXES)
    if answer.outcome == UNSURE:
        return _Finding(SUSPECT, answer.effect, None, 1.0, f"{basis} left it open", AXES)
    cause = "the device drifted" if case.series.key.device in drifting else "what was seen is of that night"
    return _Finding(DISMISSED, answer.effect, None, 1.0, f"{basis} did not confirm it: {cause}", _PLACE_AXES)


def _changed(case: Case, effect: Interval) -> str:
    change = 0.0 if effect.value is None else effect.value - 1.0
    return REGRESSION if worsens(case.series.key, case.suspicion.aspect, change) else IMPROVEMENT


def _by_nights(case: Case, tuning: Tuning) -> _Finding:
    """Without a re-run. Where nothing was pushed anew in between, the model cannot be what changed."""
    if not case.lasts:
        reason = "one or two nights have no interval"
        effect = Interval(math.exp(case.suspicion.shift), None, None, 1, reason=reason)
        wait = "nothing pushed changed: more nights must tell" if case.rerun is None else "a re-run is to decide"
        return _Finding(SUSPECT, effect, None, 1.0, f"seen in one or two nights; {wait}", AXES)
    effect, p = _over_nights(case), case.suspicion.p_value
    basis = "it lasts over nights, and no re-run was made"
    if case.rerun is None:
        return _Finding(DEVICE_DRIFT, effect, BY_NIGHTS, p, f"{basis}: the same was pushed as before", _PLACE_AXES)
    return _Finding(_changed(case, effect), effect, BY_NIGHTS, p, basis, AXES)


def _over_nights(case: Case) -> Interval:
    """After over before the change, with Welch's interval over nights."""
    at = [night.at for night in case.trace.nights].index(case.suspicion.since.at)
    return ratio_unpaired(np.exp(case.trace.x[at:]), np.exp(case.trace.x[:at]))


def _taken_back(finding: _Finding, found: Look) -> _Finding:
    basis = f"{finding.basis}, which may be chance among {found.looked_at} series"
    return _Finding(SUSPECT, finding.effect, None, finding.p_value, basis, finding.axes)


def _verdict(case: Case, finding: _Finding, tuning: Tuning) -> Verdict:
    key, suspected = case.series.key, case.suspicion
    nights = case.series.nights
    blamed = blame(nights, suspected.since, finding.axes)
    amount = how_much(key, suspected.aspect, finding.effect, relative=True)
    unknown = not_recorded(nights, suspected.since, finding.axes)
    return Verdict(
        kind=finding.kind,
        key=key,
        at=case.series.last.at,
        aspect=suspected.aspect,
        effect=finding.effect,
        relative=True,
        confirmed_by=finding.confirmed_by,
        since=suspected.since,
        blame=blamed,
        false_alarms_per_100=_rate(finding, suspected, tuning),
        p_value=finding.p_value,
        said=sentence(finding.kind, key, amount, suspected.since, finding.basis, blamed, unknown),
    )


def _rate(finding: _Finding, suspected: Suspicion, tuning: Tuning) -> float:
    if finding.confirmed_by == BY_RERUN:
        return tuning.false_alarms_per_100
    return tuning.nights_false_alarms_per_100 if finding.confirmed_by == BY_NIGHTS else 100.0 * suspected.rate


def _certain(found: Certain) -> Verdict:
    key, last = found.series.key, found.series.last
    assert found.effect.value is not None
    when = at_once(last)
    change = found.effect.value - (1.0 if found.relative else 0.0)
    kind = REGRESSION if worsens(key, LEVEL, change) else IMPROVEMENT
    blamed = blame(found.series.nights, when)
    amount = how_much(key, LEVEL, found.effect, found.relative)
    unknown = not_recorded(found.series.nights, when)
    return Verdict(
        kind=kind,
        key=key,
        at=last.at,
        aspect=LEVEL,
        effect=found.effect,
        relative=found.relative,
        confirmed_by=found.known_by,
        since=when,
        blame=blamed,
        false_alarms_per_100=0.0,
        p_value=0.0,
        said=sentence(kind, key, amount, when, f"known by its {found.known_by}", blamed, unknown),
    )
