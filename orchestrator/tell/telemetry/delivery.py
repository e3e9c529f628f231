"""From the outbox to one server: all that waits, in order, a batch at a time, each remembered when it is taken."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.errors import MonitoringError
from orchestrator.ledger import outbox, outbox_targets
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.outbox import Entry
from orchestrator.ledger.outbox_targets import Delivery, Refused
from orchestrator.tell.telemetry.abilities import Abilities
from orchestrator.tell.telemetry.batch import Batches
from orchestrator.tell.telemetry.names import JOB
from orchestrator.tell.telemetry.writer import UNKNOWN, NeverTaken, TooLarge, Writer

# Entries of one request, of about 20 samples each. What a series is called travels once a request, so that few large
# ones cost the server less (bench_outbox: 500 entries 122,000 samples/s, 2000 entries 224,000). 12 MB before snappy
# where every series is another, a third of what VictoriaMetrics takes at once.
BATCH_ENTRIES = 2000
# So much in the future by the server's clock is left: its clock is told in whole seconds.
_AHEAD_MS = 5_000
# A native histogram must come in order, and within half a block (1 h) of the server's newest sample.
_FRESH_MS = 50 * 60_000


@dataclass(frozen=True)
class Delivered:
    """``refused``: what the server will never take. ``clamped``: entries whose time had not come yet."""

    entries: int = 0
    samples: int = 0
    histograms: int = 0
    refused: tuple[Refused, ...] = ()
    clamped: int = 0

    def __add__(self, more: "Delivered") -> "Delivered":
        return Delivered(
            self.entries + more.entries,
            self.samples + more.samples,
            self.histograms + more.histograms,
            self.refused + more.refused,
            self.clamped + more.clamped,
        )


class Post:
    """Where to, as whom. ``instance``: the label that tells one lab from another."""

    def __init__(self, url: str, writer: Writer, instance: str) -> None:
        self.url = url
        self.writer = writer
        self.batches = Batches((("instance", instance), ("job", JOB)))


@dataclass(frozen=True)
class _Batch:
    """``after``: the number before its first entry. ``wanted``: those that are sent, as ``body``."""

    after: int
    up_to: int
    wanted: tuple[Entry, ...]
    refused: tuple[Refused, ...]
    clamped: int
    body: bytes


def deliver(
    ledger: Ledger, post: Post, able: Abilities, progress: Callable[[Delivered], None] = lambda so_far: None
) -> Delivered:
    """All that waits. What was taken is remembered also where this ends early.

    While the server works on a batch the next one is made. Raises Away, MonitoringError, LedgerError.
    """
    so_far = Delivered()
    with ThreadPoolExecutor(1) as sender:
        batch = _next(ledger, post, able, outbox_targets.target(ledger, post.url).delivered)
        while batch is not None:
            sending = sender.submit(_write, post, batch.body if batch.wanted else None)
            upcoming = _next(ledger, post, able, batch.up_to)
            so_far += _taken(ledger, post, able, batch, sending.result())
            progress(so_far)
            batch = upcoming
    return so_far


def _next(ledger: Ledger, post: Post, able: Abilities, after: int) -> _Batch | None:
    entries = outbox.entries_after(ledger, after, BATCH_ENTRIES)
    if not entries:
        return None
    entries, clamped = _clamped(ledger, entries, able.now_ms())
    old = [] if able.oldest_ms is None else [entry for entry in entries if entry.at_ms < able.oldest_ms]
    refused = tuple(Refused(entry.number, "too-old", able.too_old, entry.samples) for entry in old)
    wanted = tuple(entry for entry in entries if entry not in old) if old else tuple(entries)
    return _Batch(after, entries[-1].number, wanted, refused, clamped, post.batches.body(wanted))


def _clamped(ledger: Ledger, entries: list[Entry], now_ms: int) -> tuple[list[Entry], int]:
    """Those from the future get the present as their time, in the outbox first: sent again, they are the same."""
    ahead = [entry for entry in entries if entry.at_ms > now_ms + _AHEAD_MS]
    if not ahead:
        return entries, 0
    outbox.move(ledger, ahead, now_ms)
    return outbox.entries_after(ledger, entries[0].number - 1, len(entries)), len(ahead)


def _write(post: Post, body: bytes | None) -> NeverTaken | TooLarge | None:
    """What was wrong with it, if anything; nothing is sent for None. Raises Away, MonitoringError."""
    try:
        if body is not None:
            post.writer.write(body)
    except (NeverTaken, TooLarge) as exc:
        return exc
    return None


def _taken(
    ledger: Ledger, post: Post, able: Abilities, batch: _Batch, wrong: NeverTaken | TooLarge | None
) -> Delivered:
    found = _to_blame(post, batch.wanted, wrong) if wrong is not None else []
    if found and len(found) == len(batch.wanted) and all(each.reason == UNKNOWN for each in found):
        # It takes none of them, and does not say that it is for the samples: it may be no server for writing.
        raise MonitoringError(
            f"the server takes none of {len(found)} entries: {found[0].detail}", hint="is this the address to write to?"
        )
    gone = {each.number for each in found}
    taken = [entry for entry in batch.wanted if entry.number not in gone]
    histograms = sum(_histogram(post, able, entry) for entry in taken)
    refused, samples = (*batch.refused, *found), sum(entry.samples for entry in taken)
    done = Delivery(batch.after, batch.up_to, samples, refused)
    if not outbox_targets.delivered(ledger, post.url, done, datetime.now(UTC).isoformat(timespec="seconds")):
        # Another process sent the same, which the server has once, and so has the ledger.
        return Delivered(clamped=batch.clamped)
    return Delivered(len(taken), samples, histograms, refused, batch.clamped)


def _to_blame(post: Post, entries: Sequence[Entry], wrong: NeverTaken | TooLarge) -> list[Refused]:
    """One bad sample fails its whole request: halves, until those are found that are to blame."""
    if len(entries) == 1:
        reason = wrong.reason if isinstance(wrong, NeverTaken) else "too-large"
        return [Refused(entries[0].number, reason, str(wrong) or reason, entries[0].samples)]
    middle, found = len(entries) // 2, []
    for half in (entries[:middle], entries[middle:]):
        still = _write(post, post.batches.body(half))
        found += [] if still is None else _to_blame(post, half, still)
    return found


def _histogram(post: Post, able: Abilities, entry: Entry) -> bool:
    """On its own, as a refused one is no loss: its quantiles are told."""
    if not able.histograms or entry.at_ms < able.now_ms() - _FRESH_MS:
        return False
    body = post.batches.histogram(entry)
    return body is not None and _write(post, body) is None
