"""The body of a remote write 1.0 request (prometheus.io/docs/specs/prw/remote_write_spec): a protobuf message, snappy.

Written by hand, a hundred lines, because google.protobuf builds each label of each series anew: 57,000 samples a second
where this makes 270,000 (one sample a series, ten labels). The tests read it back with google.protobuf.
"""

import functools
import struct
from collections.abc import Iterable

from orchestrator.statistics.log_buckets import SCHEMA, ZERO_THRESHOLD, Buckets
from orchestrator.tell.telemetry.told import Labels

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
# Wire types of protobuf.
_VARINT, _I64, _BYTES = 0, 1, 2
_double = struct.Struct("<d").pack


def packed(series: Iterable[bytes]) -> bytes:
    """The request of these series: each is its labels, then its samples, exemplars or histograms."""
    # The extra telemetry has it; what only reads this module does without.
    import cramjam

    return bytes(cramjam.snappy.compress_raw(b"".join([_message(1, each) for each in series])))


def encoded(name: str, *groups: Labels) -> bytes:
    """The labels of a series: sorted, as Prometheus wants and does not check; empty ones are none."""
    pairs = [("__name__", name), *(pair for group in groups for pair in group if pair[1])]
    pairs.sort()
    return b"".join([_label(*pair) for pair in pairs])


class Frame:
    """What samples of one time have in common."""

    def __init__(self, at_ms: int) -> None:
        self._at = _number(2, at_ms)
        # Field 2 of a series, the length of the sample, then field 1 of it: 9 bytes with the value.
        self._head = _tag(2, _BYTES) + _varint(9 + len(self._at)) + _tag(1, _I64)

    def sample(self, value: float) -> bytes:
        return self._head + _double(value) + self._at


def exemplar(labels: Labels, value: float, at_ms: int) -> bytes:
    own = b"".join([_label(*pair) for pair in labels])
    return _message(3, own + _tag(2, _I64) + _double(value) + _number(3, at_ms))


def histogram(found: Buckets, at_ms: int) -> bytes:
    """Native, of integer counts."""
    spans = [_message(11, _tag(1, _VARINT) + _zigzag(offset) + _number(2, length)) for offset, length in found.spans()]
    fields = [
        _number(1, found.count),
        _tag(3, _I64) + _double(found.total),
        _tag(4, _VARINT) + _zigzag(SCHEMA),
        _tag(5, _I64) + _double(ZERO_THRESHOLD),
        _number(6, found.zero),
        *spans,
        _message(12, b"".join(map(_zigzag, found.deltas()))),
        _number(15, at_ms),
    ]
    return _message(4, b"".join(fields))


# Session ids are as many as sessions, all other names and values a few hundred.
@functools.lru_cache(maxsize=1 << 16)
def _label(name: str, value: str) -> bytes:
    return _message(1, _message(1, name.encode()) + _message(2, value.encode()))


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, _BYTES) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + _varint(value)


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


@functools.lru_cache(maxsize=64)
def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


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
