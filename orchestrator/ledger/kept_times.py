"""Histograms of a session's times <-> bytes: of all of its chunks, in s, by the names of ``queries.TIMES``.

They are JSON, zlib over it: indices as steps, most of which are one.
"""

import json
import zlib
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.log_buckets import Buckets, buckets

NS_PER_S = 1e9


def histograms_of(timeline: Timeline) -> dict[str, Buckets]:
    """Of the latency only where it is paced. What has no histogram (times below zero) is absent."""
    times: dict[str, NDArray[np.int64]] = {"latency": timeline.latency_ns} if timeline.paced else {}
    times |= {"service": timeline.service_ns, "lateness": timeline.lateness_ns, **timeline.stage_ns()}
    return {name: buckets(found / NS_PER_S) for name, found in times.items() if (found >= 0).all()}


def packed(histograms: Mapping[str, Buckets]) -> bytes:
    return zlib.compress(json.dumps({name: _plain(found) for name, found in histograms.items()}).encode(), 9)


def unpacked(blob: bytes) -> dict[str, Buckets]:
    """Raises ValueError for a damaged one."""
    try:
        plain = json.loads(zlib.decompress(blob))
        return {name: _of(found) for name, found in plain.items()}
    except (zlib.error, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"histograms are damaged: {exc}") from exc


def _plain(found: Buckets) -> dict[str, Any]:
    steps = np.diff(found.indices, prepend=0).tolist()
    return {"steps": steps, "counts": found.counts, "zero": found.zero, "total": found.total}


def _of(plain: dict[str, Any]) -> Buckets:
    return Buckets(list(accumulate(plain["steps"])), plain["counts"], plain["zero"], plain["total"])
