"""``earshot telemetry push``: what happened goes into the outbox, and from there to a server of metrics."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter

from orchestrator.domain.energy import NO_IDLE, Idle, idle_or_reason
from orchestrator.domain.regression import Verdict
from orchestrator.domain.session import IDLE
from orchestrator.errors import MonitoringError
from orchestrator.ledger import outbox, outbox_targets
from orchestrator.ledger.devices import last_seen
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import nights
from orchestrator.ledger.outbox_targets import Waiting
from orchestrator.ledger.streams import streams_held
from orchestrator.tell.telemetry.abilities import abilities
from orchestrator.tell.telemetry.delivery import Delivered, Post, deliver
from orchestrator.tell.telemetry.libraries import require_library
from orchestrator.tell.telemetry.server import Away, Server
from orchestrator.tell.telemetry.told import Told
from orchestrator.tell.telemetry.writer import Writer
from orchestrator.workflows.telemetry_nights import night_told, streams_told, verdicts_told
from orchestrator.workflows.telemetry_sessions import MODES, session_told

PATIENCE_S = 30.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
# A study that is still called running after so long was left by a controller that died.
_STALE = timedelta(days=1)
# Recorded together; what a kill costs is worked out anew.
_AT_ONCE = 50


@dataclass(frozen=True)
class Pushed:
    """``product`` and ``notes``: the server, and what it cannot do. ``collected``: entries that are new in the outbox.

    ``waiting``: what is left; nothing, unless somebody goes on measuring.
    """

    url: str
    product: str
    notes: tuple[str, ...]
    collected: int
    delivered: Delivered
    waiting: Waiting


def push(
    ledger: Ledger,
    url: str,
    *,
    bearer: str | None = None,
    instance: str | None = None,
    verdicts: Sequence[Verdict] = (),
    patience_s: float = PATIENCE_S,
    progress: Callable[[Delivered], None] = lambda so_far: None,
) -> Pushed:
    """Everything that the server at ``url`` has not been told yet. ``verdicts``: of the night that was just judged.

    ``instance``: the label that tells one lab from another; this machine's name by default. A server that is away is
    tried for ``patience_s``: then MonitoringError, and all of it waits in the ledger. Raises BadInput for what is no
    address, MonitoringError where it refuses us, LedgerError.
    """
    require_library("cramjam")
    collected = collect(ledger, verdicts)
    with Server(url, bearer) as server:
        post = Post(url.rstrip("/"), Writer(server, url), instance or socket.gethostname())
        for wait_s in _waits(patience_s):
            try:
                able = abilities(server)
                done = deliver(ledger, post, able, progress)
            except Away as exc:
                _again_later(ledger, post.url, exc, wait_s)
            else:
                outbox_targets.reached(ledger, post.url, _now_utc())
                waits = outbox_targets.waiting(ledger, outbox_targets.target(ledger, post.url))
                return Pushed(post.url, able.product, able.notes, collected, done, waits)
    raise AssertionError("the last wait ends in an error")


def _waits(patience_s: float) -> Iterator[float | None]:
    """How long to wait after each failure; None: no more. Twice as long each time."""
    until, wait_s = time.monotonic() + patience_s, FIRST_WAIT_S
    while (left_s := until - time.monotonic()) > 0:
        yield min(wait_s, left_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    yield None


def _again_later(ledger: Ledger, url: str, away: Away, wait_s: float | None) -> None:
    outbox_targets.failed(ledger, url, str(away), _now_utc())
    if wait_s is None:
        left = outbox_targets.waiting(ledger, outbox_targets.target(ledger, url))
        raise MonitoringError(
            f"{away}; {left.samples} samples wait in the ledger",
            passing=True,
            hint="nothing is lost: run the same command again, or let it wait with --watch",
        ) from away
    time.sleep(wait_s if away.retry_after_s is None else min(away.retry_after_s, LONGEST_WAIT_S))


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def collect(ledger: Ledger, verdicts: Sequence[Verdict] = ()) -> int:
    """Everything that ended and is not in the outbox yet goes there; how many entries that were.

    What has a time that has not come (a clock was ahead) gets the present.
    """
    added = 0
    for several in _in_groups(_untold(ledger, verdicts)):
        now_ms = round(time.time() * 1000)
        entries = [told.entry() for told in several]
        added += outbox.add(ledger, [e if e.at_ms <= now_ms else replace(e, at_ms=now_ms) for e in entries])
    return added


def _untold(ledger: Ledger, verdicts: Sequence[Verdict]) -> Iterator[Told]:
    yield from _sessions(ledger)
    known = outbox.keys(ledger, outbox.STREAMS)
    for found in streams_held(ledger):
        own = [] if found.study_id in known else ledger.sessions(found.study_id, with_arrays=False)
        about = [session for session in own if session.planned.candidate.key == found.candidate_key]
        if about:
            yield streams_told(found, about[-1])
    for night in nights(ledger):
        if night.finished_utc is not None:
            yield night_told(night)
    if verdicts:
        device_models = {device: model for device, (_, model) in last_seen(ledger).items()}
        yield from verdicts_told(verdicts, device_models, round(time.time() * 1000))


def untold_sessions(ledger: Ledger) -> list[outbox.Untold]:
    """Those that ended and are not in the outbox, of studies that ended or that nobody will end."""
    stale_utc = (datetime.now(UTC) - _STALE).isoformat(timespec="seconds")
    return outbox.sessions_untold(ledger, MODES, stale_utc)


def _sessions(ledger: Ledger) -> Iterator[Told]:
    for study_id, found in groupby(untold_sessions(ledger), key=attrgetter("study_id")):
        study, scores = ledger.study(study_id), ledger.scores(study_id)
        artifacts = {artifact.sha256: artifact for artifact in ledger.artifacts(study.model)} if study else {}
        idle: Idle | str = NO_IDLE
        if artifacts:
            rate = next(iter(artifacts.values())).contract.sample_rate_hz
            idle = idle_or_reason(ledger.sessions(study_id, mode=IDLE), rate)
        for untold in found:
            session = ledger.session(untold.session_id)
            if session is not None and study is not None:
                own = [score for score in scores if score.session_id == untold.session_id]
                yield session_told(session, artifacts.get(session.planned.candidate.artifact_sha256), study, own, idle)


def _in_groups(all_: Iterator[Told]) -> Iterator[list[Told]]:
    while several := list(islice(all_, _AT_ONCE)):
        yield several
