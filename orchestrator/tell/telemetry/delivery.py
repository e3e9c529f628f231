"""From the outbox to one server: all that waits, in order, a batch at a time, each remembered when it is taken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.errors import MonitoringError
from orchestrator.ledger import outbox
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.outbox import Delivery, Entry, Refused, Target
from orchestrator.tell.telemetry import told
from orchestrator.tell.telemetry.abilities import Abilities
from orchestrator.tell.telemetry.names import JOB
from orchestrator.tell.telemetry.remote_write import Point, encoded, histogram_request, request
from orchestrator.tell.telemetry.told import Labels
from orchestrator.tell.telemetry.writer import UNKNOWN, NeverTaken, TooLarge, Writer

# Entries of one request: of about 20 samples each. A request of 10,000 samples is 100 KB of snappy.
BATCH_ENTRIES = 500
# So much in the future by the server's clock is left: its clock is told in whole seconds.
_AHEAD_MS = 5_000
# A native histogram must come in order: only those of the last minutes surely do.
_FRESH_MS = 30 * 60_000


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


@dataclass(frozen=True)
class Post:
    """Where to, as whom. ``instance``: the label that tells one lab from another."""

    url: str
    writer: Writer
    instance: str

    @property
    def labels(self) -> Labels:
        return (("instance", self.instance), ("job", JOB))


def deliver(
    ledger: Ledger, post: Post, able: Abilities, progress: Callable[[Delivered], None] = lambda so_far: None
) -> Delivered:
    """All that waits. What was taken is remembered also where this ends early.

    Raises Away, MonitoringError, LedgerError.
    """
    so_far, target = Delivered(), outbox.target(ledger, post.url)
    while entries := outbox.entries_after(ledger, target.delivered, BATCH_ENTRIES):
        done = _batch(ledger, post, able, target, entries)
        target = outbox.target(ledger, post.url)
        so_far += done
        progress(so_far)
    return so_far


def _batch(ledger: Ledger, post: Post, able: Abilities, target: Target, entries: Sequence[Entry]) -> Delivered:
    entries, clamped = _clamped(ledger, entries, able.now_ms())
    old = [] if able.oldest_ms is None else [entry for entry in entries if entry.at_ms < able.oldest_ms]
    refused = [Refused(entry.number, "too-old", able.too_old, entry.samples) for entry in old]
    gone = {each.number for each in refused}
    wanted = [entry for entry in entries if entry.number not in gone]
    refused += _believed(_send(post, wanted), wanted)
    gone = {each.number for each in refused}
    taken = [entry for entry in entries if entry.number not in gone]
    histograms = _histograms(post, able, taken)
    samples = sum(entry.samples for entry in taken)
    at_utc = datetime.now(UTC).isoformat(timespec="seconds")
    delivery = Delivery(target.delivered, entries[-1].number, samples, refused)
    if not outbox.delivered(ledger, post.url, delivery, at_utc):
        # Another process sent the same, which the server counts once, and so does the ledger.
        return Delivered(clamped=clamped)
    return Delivered(len(taken), samples, histograms, tuple(refused), clamped)


def _clamped(ledger: Ledger, entries: Sequence[Entry], now_ms: int) -> tuple[Sequence[Entry], int]:
    """Those from the future get the present as their time, in the outbox first: sent again, they are the same."""
    ahead = [entry for entry in entries if entry.at_ms > now_ms + _AHEAD_MS]
    if not ahead:
        return entries, 0
    outbox.move(ledger, ahead, now_ms)
    return outbox.entries_after(ledger, entries[0].number - 1, len(entries)), len(ahead)


def _send(post: Post, entries: Sequence[Entry]) -> list[Refused]:
    """One bad sample fails its whole request: halves, until those are found that are to blame."""
    if not entries:
        return []
    try:
        post.writer.write(request(_points(entries, post.labels)))
    except (NeverTaken, TooLarge) as exc:
        if len(entries) > 1:
            middle = len(entries) // 2
            return _send(post, entries[:middle]) + _send(post, entries[middle:])
        reason = exc.reason if isinstance(exc, NeverTaken) else "too-large"
        return [Refused(entries[0].number, reason, str(exc) or reason, entries[0].samples)]
    return []


def _believed(refused: list[Refused], of: Sequence[Entry]) -> list[Refused]:
    """A server that takes none of a batch, and does not say that it is for the samples, may be none for writing."""
    if refused and len(refused) == len(of) and all(each.reason == UNKNOWN for each in refused):
        raise MonitoringError(
            f"the server takes none of {len(of)} entries: {refused[0].detail}", hint="is this the address to write to?"
        )
    return refused


def _points(entries: Sequence[Entry], ours: Labels) -> Iterator[Point]:
    for entry in entries:
        common = told.labels_of(entry.record)
        marked = told.exemplar_of(entry.record)
        for number, sample in enumerate(told.samples_of(entry.record)):
            exemplar = marked[1] if marked is not None and marked[0] == number else ()
            yield Point(encoded(sample.name, common, sample.labels, ours), entry.at_ms, sample.value, exemplar)


def _histograms(post: Post, able: Abilities, entries: Sequence[Entry]) -> int:
    """Each on its own, as a refused one is no loss: its quantiles are told."""
    taken = 0
    for entry in entries:
        found = told.histogram_of(entry.record)
        if found is None or not able.histograms or entry.at_ms < able.now_ms() - _FRESH_MS:
            continue
        name, buckets = found
        labels = encoded(name, told.labels_of(entry.record), post.labels)
        try:
            post.writer.write(histogram_request(labels, entry.at_ms, buckets))
        except NeverTaken:
            continue
        taken += 1
    return taken
