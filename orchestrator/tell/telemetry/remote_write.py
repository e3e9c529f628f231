"""The body of a remote write 1.0 request (prometheus.io/docs/specs/prw/remote_write_spec): a protobuf message, snappy.

Written by hand: 60 lines against google.protobuf's 57,000 samples a second with a label set for each (220,000 here,
benchmarks/bench_outbox.py), as what series share is encoded once. The tests read it back with google.protobuf.
"""

import functools
import operator
import struct
from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.tell.telemetry.buckets import SCHEMA, ZERO_THRESHOLD, Buckets
from orchestrator.tell.telemetry.told import Labels

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
# Wire types of protobuf.
_VARINT, _I64, _BYTES = 0, 1, 2
_double = struct.Struct("<d").pack
_time = operator.attrgetter("at_ms")


class Point(NamedTuple):
    """One sample of one series. ``labels``: as ``encoded`` has them."""

    labels: bytes
    at_ms: int
    value: float
    exemplar: Labels = ()


def request(points: Iterable[Point]) -> bytes:
    """Series in the order of their first points, the points of each by their times."""
    series: dict[bytes, list[Point]] = {}
    for point in points:
        series.setdefault(point.labels, []).append(point)
    return _packed(_series(labels, own) for labels, own in series.items())


def histogram_request(labels: bytes, at_ms: int, histogram: Buckets) -> bytes:
    """One native histogram of integer counts."""
    return _packed([labels + _message(4, _histogram(histogram, at_ms))])


# A lab has some thousand series, and each comes again every night.
@functools.lru_cache(maxsize=1 << 17)
def encoded(name: str, *groups: Labels) -> bytes:
    """The labels of a series as they travel: sorted, as Prometheus wants and does not check; empty ones are none."""
    pairs = [("__name__", name), *(pair for group in groups for pair in group if pair[1])]
    pairs.sort()
    return b"".join([_label(*pair) for pair in pairs])


def _packed(series: Iterable[bytes]) -> bytes:
    # The extra telemetry has it; what only reads this module does without.
    import cramjam

    return bytes(cramjam.snappy.compress_raw(b"".join([_message(1, each) for each in series])))


def _series(labels: bytes, points: list[Point]) -> bytes:
    if len(points) > 1:
        points.sort(key=_time)
    # A sample: field 2, its length (9 for the value, the rest for the time), the value in field 1, the time in field 2.
    samples = [b"\x12" + _varint(9 + len(_at(p.at_ms))) + b"\x09" + _double(p.value) + _at(p.at_ms) for p in points]
    exemplars = [_exemplar(point) for point in points if point.exemplar]
    return b"".join([labels, *samples, *exemplars])


@functools.lru_cache(maxsize=1 << 12)
def _at(at_ms: int) -> bytes:
    return _number(2, at_ms)


def _exemplar(point: Point) -> bytes:
    labels = b"".join([_label(*pair) for pair in point.exemplar])
    return _message(3, labels + b"\x11" + _double(point.value) + b"\x18" + _varint(point.at_ms))


# Session ids are as many as sessions, all other names and values a few hundred.
@functools.lru_cache(maxsize=1 << 16)
def _label(name: str, value: str) -> bytes:
    return _message(1, _message(1, name.encode()) + _message(2, value.encode()))


def _histogram(found: Buckets, at_ms: int) -> bytes:
    spans = [_message(11, _tag(1, _VARINT) + _zigzag(offset) + _number(2, length)) for offset, length in found.spans()]
    return b"".join(
        [
            _number(1, found.count),
            _tag(3, _I64) + _double(found.total),
            _tag(4, _VARINT) + _zigzag(SCHEMA),
            _tag(5, _I64) + _double(ZERO_THRESHOLD),
            _number(6, found.zero),
            *spans,
            _message(12, b"".join(map(_zigzag, found.deltas()))),
            _number(15, at_ms),
        ]
    )


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, _BYTES) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + _varint(value)


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


@functools.lru_cache(maxsize=1 << 14)
def _varint(value: int) -> bytes:
    if value < 0:
        # Two's complement of 64 bits, as protobuf has it: a time before 1970.
        value += 1 << 64
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
