"""What is told of one thing that happened (a session, a verdict, a night): labels that its samples share, and samples.

The outbox keeps it as JSON. It is checked against the registry of metrics when it is made, not when it is sent: what is
in the outbox can be sent.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ledger.outbox import NewEntry
from orchestrator.statistics.log_buckets import Buckets
from orchestrator.tell.telemetry.names import HISTOGRAM, METRICS

# Prometheus drops an exemplar whose labels have more characters (OpenMetrics 1.0, exemplars).
MOST_EXEMPLAR_CHARACTERS = 128
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """``labels``: those that the others do not have."""

    name: str
    value: float
    labels: Labels = ()


@dataclass(frozen=True)
class Told:
    """``key``: what it is of; the same key is told once. ``at_ms``: since 1970, UTC.

    ``exemplar``: labels, of the sample ``exemplar_of`` (its index). ``histogram``: name and buckets. Raises ValueError
    for a metric that is not registered or has other labels, and for a value that is not finite.
    """

    key: str
    at_ms: int
    labels: Labels
    samples: tuple[Sample, ...]
    exemplar_of: int | None = None
    exemplar: Labels = ()
    histogram: tuple[str, Buckets] | None = field(default=None)

    def __post_init__(self) -> None:
        for sample in self.samples:
            _check(sample.name, (*self.labels, *sample.labels))
            if METRICS[sample.name].kind == HISTOGRAM or not math.isfinite(sample.value):
                raise ValueError(f"{self.key}: {sample.name} must be one finite number, got {sample.value}")
        if len({(sample.name, sample.labels) for sample in self.samples}) < len(self.samples):
            raise ValueError(f"{self.key}: two of its samples are of one series")
        if self.histogram is not None:
            _check(self.histogram[0], self.labels)
        if (self.exemplar_of is None) == bool(self.exemplar):
            raise ValueError(f"{self.key}: an exemplar has labels and the sample that it is of, or neither")
        if sum(len(name) + len(value) for name, value in self.exemplar) > MOST_EXEMPLAR_CHARACTERS:
            raise ValueError(f"{self.key}: an exemplar has at most {MOST_EXEMPLAR_CHARACTERS} characters")

    def entry(self) -> NewEntry:
        kind = self.key.partition(":")[0]
        place = hashlib.sha256(json.dumps([kind, sorted(self.labels)]).encode()).hexdigest()[:32]
        return NewEntry(self.key, place, self.at_ms, len(self.samples), self._record())

    def _record(self) -> dict[str, Any]:
        keys = [_key(sample) for sample in self.samples]
        values = [float(sample.value) for sample in self.samples]
        record: dict[str, Any] = {"labels": dict(self.labels), "samples": dict(zip(keys, values, strict=True))}
        if self.exemplar_of is not None:
            record["exemplar"] = [keys[self.exemplar_of], dict(self.exemplar)]
        if self.histogram is not None:
            name, buckets = self.histogram
            record["histogram"] = [name, vars(buckets)]
        return record


def _key(sample: Sample) -> str:
    """Name, and the sample's own labels as JSON: a flat mapping is read twice as fast as one with nested parts."""
    return sample.name + (json.dumps(dict(sample.labels)) if sample.labels else "")


def _check(name: str, labels: Labels) -> None:
    metric = METRICS.get(name)
    if metric is None:
        raise ValueError(f"{name} is no registered metric (tell/telemetry/names.py)")
    given = [label for label, _ in labels]
    if len(set(given)) != len(given) or set(given) - set(metric.labels):
        raise ValueError(f"{name} has the labels {', '.join(metric.labels)}, got {', '.join(given)}")


def labels_of(record: Mapping[str, Any]) -> Labels:
    return tuple(record["labels"].items())


def samples_of(record: Mapping[str, Any]) -> list[Sample]:
    return [Sample(name, value, own) for (name, own), value in ((name_of(k), v) for k, v in record["samples"].items())]


def name_of(key: str) -> tuple[str, Labels]:
    """Name and own labels of a sample's key in the record."""
    name, brace, rest = key.partition("{")
    return name, tuple(json.loads(brace + rest).items()) if brace else ()


def exemplar_of(record: Mapping[str, Any]) -> tuple[str, Labels] | None:
    """The key of its sample, and the exemplar's labels."""
    found = record.get("exemplar")
    return None if found is None else (found[0], tuple(found[1].items()))


def histogram_of(record: Mapping[str, Any]) -> tuple[str, Buckets] | None:
    found = record.get("histogram")
    return None if found is None else (found[0], Buckets(**found[1]))
