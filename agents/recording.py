"""What a session leaves behind beside its result: the raw arrays, and what measuring cost."""

import io
from typing import Any, Dict, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import durable, wire
from agents.links import Watchdog
from agents.sampler import Samples, read_samples
from agents.store import sha256_of
from agents.timed import TimedRun

ARRAYS_SUFFIX = ".npz"


def save_arrays(path: str, arrays: Dict[str, NDArray[Any]]) -> wire.Blob:
    """Compressed npz without pickle, whole or absent. Raises OSError."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    data = buffer.getvalue()
    durable.write_file(path, data)
    return wire.Blob(sha256_of(path), len(data), ARRAYS_SUFFIX)


def sampled_arrays(
    path: Optional[str], sampler_hz: float
) -> Tuple[Dict[str, NDArray[Any]], Dict[str, str], Optional[Samples]]:
    """(series by array name, reason by absent sensor, what the sampler wrote). A reading that failed is NaN.

    ``path`` None: there was no sampler, or it gave no answer.
    """
    if not sampler_hz:
        return {}, {"sampler": "switched off by sampler_hz=0"}, None
    if path is None or not durable.size_of(path):
        return {}, {"sampler": "gave no answer at the session's end: look at session.log"}, None
    samples = read_samples(path)
    arrays: Dict[str, NDArray[Any]] = {}
    for name, values in samples.series.items():
        arrays[name] = np.asarray(values, dtype=np.int64 if "_t_ns" in name else np.float64)
    return arrays, samples.absent, samples


def observer_cost(
    run: TimedRun, sampler: Optional[Samples], watchdog: Tuple[Watchdog, Watchdog], agent_rss_bytes: Optional[int]
) -> wire.ObserverCost:
    """See ``wire.ObserverCost``; ``process_cpu_s`` is the whole process during the stream, stages included.

    ``watchdog``: before the stream and after it.
    """
    harness_s = run.cost.harness_ns / 1e9
    share = sampler.cpu_share if sampler else None
    before, after = watchdog
    watched_s = None if before.cpu_ns is None or after.cpu_ns is None else (after.cpu_ns - before.cpu_ns) / 1e9
    return wire.ObserverCost(
        process_cpu_s=run.process_cpu_s,
        stage_cpu_s=max(0.0, run.process_cpu_s - harness_s),
        sampler_cpu_s=None if share is None else share * run.wall_s,
        harness_cpu_share=(harness_s + (watched_s or 0.0)) / run.wall_s + (share or 0.0),
        per_chunk_ns=run.cost.per_chunk_ns,
        watchdog_cpu_s=watched_s,
        wall_s=run.wall_s,
        agent_rss_bytes=agent_rss_bytes,
        sampler_rss_bytes=sampler.rss_bytes if sampler else None,
        watchdog_rss_bytes=after.rss_bytes,
    )
