"""Old sessions give up their raw arrays and keep what those said: `earshot ledger compact`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestrator.decide.comparison.runs import figures_of
from orchestrator.decide.selection.evidence import timed_runs
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.kept import Kept
from orchestrator.domain.run_course import course_of
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import judge
from orchestrator.ledger.kept_times import histograms_of
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.retention import Compacted, Old, compact, evidence, old_sessions

# Sessions in one transaction: some seconds of work, a few MB.
_BATCH = 100
# Told after each transaction: how many are done, of how many.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Compaction:
    """``sessions`` gave up ``array_bytes``, for which ``kept_bytes`` stay. ``named``: as many keep theirs, because a
    decision names them; ``unknown``: as many, because the ledger has lost the artifact that says their sample rate.
    """

    before_utc: str
    sessions: int
    array_bytes: int
    kept_bytes: int
    named: int
    unknown: int


def compact_ledger(
    ledger: Ledger, older_than_s: float, *, keep_decisions: bool, dry_run: bool, told: Told = lambda done, of: None
) -> Compaction:
    """Of sessions that began so long ago. Each transaction is whole: interrupted, the same call goes on.

    ``dry_run``: nothing is changed, and ``kept_bytes`` are what would stay. Raises LedgerError.
    """
    now = datetime.now(UTC)
    before = (now - timedelta(seconds=older_than_s)).strftime("%Y-%m-%dT%H:%M:%S")
    found = old_sessions(ledger, before)
    named = evidence(ledger) if keep_decisions else None
    free = [old for old in found if named is None or not named.names(old)]
    artifacts = {artifact.sha256: artifact for artifact in ledger.artifacts()}
    done, array_bytes, kept_bytes = 0, 0, 0
    for batch in _batches(free):
        what = [each for old in batch for each in _compacted(ledger, old, artifacts, now)]
        kept_bytes += compact(ledger, what, dry_run=dry_run)
        array_bytes += sum(each.old.array_bytes for each in what)
        done += len(what)
        told(done, len(free))
    return Compaction(before, done, array_bytes, kept_bytes, len(found) - len(free), len(free) - done)


def _batches(old: Sequence[Old]) -> Iterator[Sequence[Old]]:
    return (old[start : start + _BATCH] for start in range(0, len(old), _BATCH))


def _compacted(ledger: Ledger, old: Old, artifacts: dict[str, Artifact], now: datetime) -> Iterator[Compacted]:
    session = ledger.session(old.session_id)
    artifact = None if session is None else artifacts.get(session.planned.candidate.artifact_sha256)
    if session is not None and artifact is not None:
        yield _of(old, session, artifact, now.isoformat(timespec="seconds"))


def _of(old: Old, session: Session, artifact: Artifact, now_utc: str) -> Compacted:
    rate = artifact.contract.sample_rate_hz
    doubts = judge(session, rate).doubts
    runs, _ = timed_runs([session], artifact)
    if not runs:
        return Compacted(old, Kept(now_utc, doubts), {})
    timeline, run = session.timeline(rate), runs[0]
    figures = figures_of(run) | ({"miss_rate": run.steady.miss_rate} if run.paced else {})
    return Compacted(old, Kept(now_utc, doubts, course_of(timeline), figures), histograms_of(timeline))
