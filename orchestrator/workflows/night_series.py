"""From the ledger's studies to series of nights, and to what re-runs said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.decide.comparison.runs import METRICS, Block, Side, runs_of, values_of
from orchestrator.decide.selection.figures import BYTES_PER_MB, Run
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.kept import Kept
from orchestrator.domain.night_series import Axes, Night, Series, SeriesKey
from orchestrator.domain.score import Score
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.model_commit import axis_of
from orchestrator.workflows.sides import TIMED

# Studies that put old artifacts beside new ones: they answer a question about a night and are none.
CONFIRM, BISECT = "confirm", "bisect"
# A night goes from noon to noon, in UTC, and has the date on which it began.
_NOON = timedelta(hours=12)


@dataclass(frozen=True)
class Point:
    """One metric of one configuration in one night and study, by block."""

    key: SeriesKey
    at: str
    artifact: str
    axes: Axes
    values: Mapping[Block, float]
    scores: tuple[Score, ...] = ()


@dataclass(frozen=True)
class Nights:
    """``reruns``: points of the studies that are re-runs. ``left_out``: sessions that do not count, each with why."""

    series: tuple[Series, ...]
    reruns: tuple[Point, ...]
    left_out: tuple[str, ...]


def read_nights(ledger: Ledger, model: str | None = None) -> Nights:
    """Of all timed sessions but verifications. Raises LedgerError."""
    points: list[Point] = []
    reruns: list[Point] = []
    left_out: list[str] = []
    for study in ledger.studies():
        if model in (None, study.model) and study.settings.get("workflow") != BISECT:
            kept = reruns if study.settings.get("workflow") == CONFIRM else points
            kept += _points(ledger, study, left_out)
    return Nights(tuple(_series(points)), tuple(reruns), tuple(left_out))


def _points(ledger: Ledger, study: Study, left_out: list[str]) -> Iterator[Point]:
    artifacts = {artifact.sha256: artifact for artifact in ledger.artifacts(study.model)}
    scores = ledger.scores(study.study_id)
    groups: dict[tuple[str, str, str, str], list[Session]] = {}
    for session in ledger.sessions(study.study_id):
        planned = session.planned
        if planned.mode in TIMED and planned.block < VERIFY_BLOCK and planned.candidate.artifact_sha256 in artifacts:
            place = (planned.device, planned.mode, planned.candidate.key, night_of(session.started_utc))
            groups.setdefault(place, []).append(session)
    for (*_, at), sessions in groups.items():
        artifact = artifacts[sessions[0].planned.candidate.artifact_sha256]
        yield from _of_night(at, sessions, artifact, study, scores, left_out)


def _of_night(
    at: str,
    sessions: Sequence[Session],
    artifact: Artifact,
    study: Study,
    scores: Sequence[Score],
    left_out: list[str],
) -> Iterator[Point]:
    candidate = sessions[0].planned.candidate
    runs = runs_of(Side(candidate.label, candidate, artifact, tuple(sessions)), with_kept=True)
    left_out += runs.left_out
    good: dict[Block, Run | Kept] = {**runs.good}
    good = dict(sorted((good | runs.kept).items()))
    if not good:
        return
    base = key_of(sessions[0])
    axes = axes_of(sessions[-1], artifact, study)
    for metric in METRICS:
        values = values_of(good, metric)
        if not isinstance(values, str):
            yield Point(replace(base, metric=metric), at, artifact.sha256, axes, values)
    size = {("", 0): artifact.size_bytes / BYTES_PER_MB}
    yield Point(replace(base, metric="size_mb"), at, artifact.sha256, axes, size)
    own = tuple(score for score in scores if score.candidate_key == candidate.key and score.items)
    if own:
        rate = {("", 0): own[-1].error_rate}
        yield Point(replace(base, metric="error_rate"), at, artifact.sha256, axes, rate, own[-1:])


def key_of(session: Session) -> SeriesKey:
    """Of the first metric; a series has the Python environment of the device in its variant, as another runtime's."""
    candidate = session.planned.candidate
    options = " ".join(f"{name}={value}" for name, value in sorted(candidate.session_options.items()))
    within = f"in {candidate.environment}" if candidate.environment else ""
    parts = (f"{candidate.threads}t", f"chunk {candidate.chunk_samples}", options, candidate.cpus, within)
    return SeriesKey(
        session.planned.device,
        candidate.model,
        candidate.runtime,
        candidate.provider,
        str(candidate.recipe),
        session.planned.mode,
        METRICS[0],
        " ".join(part for part in parts if part),
    )


def axes_of(session: Session, artifact: Artifact, study: Study) -> Axes:
    """The model's commit, where the study says it; else the hash of the graph that it was exported from."""
    probe, version = session.environment.probe, session.result.runtime_version
    tools = artifact.provenance.tools
    return Axes(
        model_commit=axis_of(study.settings, artifact.provenance.source_sha256),
        exporter=", ".join(f"{name} {tools[name]}" for name in sorted(tools)) or None,
        runtime=None if version is None else f"{session.planned.candidate.runtime} {version}",
        os_build=probe.build or f"{probe.os} {probe.kernel}",
        device_unit=probe.unit,
    )


def night_of(started_utc: str) -> str:
    return (datetime.fromisoformat(started_utc) - _NOON).date().isoformat()


def _series(points: Sequence[Point]) -> Iterator[Series]:
    by_key: dict[SeriesKey, dict[str, list[Point]]] = {}
    for point in points:
        by_key.setdefault(point.key, {}).setdefault(point.at, []).append(point)
    for key, nights in by_key.items():
        yield Series(key, tuple(_night(at, found) for at, found in sorted(nights.items())))


def _night(at: str, points: Sequence[Point]) -> Night:
    """Where an artifact was exported anew within a night, the last one is the night's."""
    last = points[-1]
    own = [point for point in points if point.artifact == last.artifact and point.axes == last.axes]
    values = tuple(value for point in own for value in point.values.values())
    # Items of another evaluation set are other items.
    items = tuple(
        replace(item, item=f"{score.evaluation_sha256[:12]}/{item.item}")
        for score in last.scores
        for item in score.items
    )
    return Night(at, values, last.artifact, last.axes, items)
