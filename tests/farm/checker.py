"""Was the farm ever wrong? From what it promised (jobs), what it recorded (ledger), what devices and kernel saw."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.domain.job import DONE, SESSION, JobState, device_of
from orchestrator.ledger.ledger import Ledger
from tests.farm.journals import Run


@dataclass(frozen=True)
class Recorded:
    """A session as the ledger has it. ``arrays_sha256`` of the file that its figures came from."""

    session_id: str
    device: str
    failure: str | None
    arrays_sha256: str | None


def recorded_in(ledger: Ledger) -> list[Recorded]:
    return [
        Recorded(s.session_id, s.planned.device, s.result.failure, s.result.arrays.sha256 if s.result.arrays else None)
        for study in ledger.studies()
        for s in ledger.sessions(study.study_id, with_arrays=False)
    ]


def wrongs(
    jobs: Sequence[JobState],
    recorded: Sequence[Recorded],
    runs: Sequence[Run],
    claims: Mapping[tuple[str, str], int],
) -> list[str]:
    """All that is wrong, in words; empty where each planned session was run once, there where it belongs, and recorded
    as it was run. ``claims``: of the witness.
    """
    return [
        *_unfinished(jobs),
        *_of_jobs(jobs, recorded),
        *_of_records(recorded, runs),
        *_of_runs(recorded, runs, claims),
        *_overlaps(runs),
        *_older_fences(runs),
    ]


def planned_session(job: JobState) -> str:
    """Id of the session that a job stood for, as its worker told."""
    return str((job.result or {}).get("session_id"))


def _unfinished(jobs: Iterable[JobState]) -> Iterator[str]:
    for job in jobs:
        if job.state != DONE:
            yield f"job {job.job.job_id} is {job.state}: {job.reason}"
        elif not 1 <= job.attempts <= job.fence:
            yield f"job {job.job.job_id} was begun {job.attempts} times under fence {job.fence}"


def _of_jobs(jobs: Iterable[JobState], recorded: Iterable[Recorded]) -> Iterator[str]:
    known = {each.session_id: each for each in recorded}
    done = [job for job in jobs if job.job.kind == SESSION and job.state == DONE]
    for session_id, times in Counter(planned_session(job) for job in done).items():
        if times > 1:
            yield f"{times} jobs stand for session {session_id}"
    for job in done:
        session = known.get(planned_session(job))
        if session is None:
            yield f"job {job.job.job_id} is done, and its session {planned_session(job)} is not in the ledger"
        elif session.failure is not None:
            yield f"job {job.job.job_id} is done by session {session.session_id}, which failed: {session.failure}"
        elif session.device != device_of(job.job.queue):
            yield f"job {job.job.job_id} of {job.job.queue} is done by a session of {session.device}"


def _of_records(recorded: Iterable[Recorded], runs: Iterable[Run]) -> Iterator[str]:
    ran: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        ran[run.session_id].append(run)
    for session in recorded:
        here = ran[session.session_id]
        if len(here) != 1:
            yield f"session {session.session_id} was run on {len(here)} devices: {[run.device for run in here]}"
        elif here[0].device != session.device:
            yield f"session {session.session_id} of {session.device} was run on {here[0].device}"
        elif here[0].arrays_sha256 != session.arrays_sha256:
            yield f"session {session.session_id} is recorded with figures that {session.device} does not have"


def _of_runs(recorded: Iterable[Recorded], runs: Iterable[Run], claims: Mapping[tuple[str, str], int]) -> Iterator[str]:
    known = {session.session_id for session in recorded}
    for run in runs:
        if run.planned_for != run.device:
            yield f"session {run.session_id} was planned for {run.planned_for}, and {run.device} ran it"
        if run.starts != 1:
            yield f"session {run.session_id} was started {run.starts} times on {run.device}"
        if run.session_id not in known:
            yield f"session {run.session_id} ran on {run.device} ({run.failure or 'well'}) and is not in the ledger"
        if (times := claims.get((run.device, run.session_id), 0)) != 1:
            yield f"session {run.session_id} was begun {times} times on {run.device}, as the kernel saw it"


def _overlaps(runs: Iterable[Run]) -> Iterator[str]:
    for one, other in _neighbours(runs):
        if one.ended_ns is None or one.ended_ns > other.began_ns:
            yield f"sessions {one.session_id} and {other.session_id} overlap on {one.device}"


def _older_fences(runs: Iterable[Run]) -> Iterator[str]:
    for one, other in _neighbours(runs):
        if one.fence > other.fence:
            yield f"session {other.session_id} began on {one.device} under fence {other.fence}, after {one.fence}"


def _neighbours(runs: Iterable[Run]) -> Iterator[tuple[Run, Run]]:
    """Those that followed each other on a device."""
    by_device: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_device[run.device].append(run)
    for mine in by_device.values():
        yield from pairwise(sorted(mine, key=lambda run: run.began_ns))
