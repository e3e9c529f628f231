"""Entries of the outbox as the body of one request."""

from collections.abc import Sequence

from orchestrator.ledger.outbox import Entry
from orchestrator.tell.telemetry import told
from orchestrator.tell.telemetry.names import INFO, METRICS
from orchestrator.tell.telemetry.remote_write import Frame, encoded, exemplar, histogram, packed
from orchestrator.tell.telemetry.told import Labels


class Batches:
    """``ours``: labels that every series gets. Labels of series are remembered: each comes again every night, but for
    identity, which comes once.
    """

    def __init__(self, ours: Labels) -> None:
        self._ours = ours
        # By place, then by the key of a sample in its record.
        self._known: dict[str, dict[str, bytes]] = {}

    def body(self, entries: Sequence[Entry]) -> bytes:
        """Each series with its samples by time, as Prometheus wants them."""
        series: dict[tuple[str, str], list[bytes]] = {}
        for entry in sorted(entries, key=lambda entry: entry.at_ms):
            place, frame = entry.place, Frame(entry.at_ms)
            for key, value in entry.record["samples"].items():
                own = series.get((place, key))
                if own is None:
                    own = series[place, key] = [self._labels(entry, key)]
                own.append(frame.sample(value))
            marked = told.exemplar_of(entry.record)
            if marked is not None:
                value = entry.record["samples"][marked[0]]
                series[place, marked[0]].append(exemplar(marked[1], value, entry.at_ms))
        return packed(map(b"".join, series.values()))

    def histogram(self, entry: Entry) -> bytes | None:
        found = told.histogram_of(entry.record)
        if found is None:
            return None
        labels = encoded(found[0], told.labels_of(entry.record), self._ours)
        return packed([labels + histogram(found[1], entry.at_ms)])

    def _labels(self, entry: Entry, key: str) -> bytes:
        known = self._known.setdefault(entry.place, {})
        labels = known.get(key)
        if labels is None:
            name, own = told.name_of(key)
            labels = encoded(name, told.labels_of(entry.record), own, self._ours)
            if METRICS[name].kind != INFO:
                known[key] = labels
        return labels
