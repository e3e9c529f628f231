"""Reads sensors beside a session, in a process of its own without numpy, at jittered intervals.

The file: one JSON line (groups of series, absent sensors), then records, then one JSON line (CPU share). A record is
the group's number and its time, then one float64 per series, NaN where the reading failed: a gap is never bridged.
"""

import json
import math
import os
import random
import select
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import BinaryIO, Callable, Dict, List, Optional, Sequence, Tuple

from agents import power, sensors, sysfs
from agents.ask import kill_asked

# Intervals are uniform in 0.5..1.5 of 1/hz, so that no chunk period can be in step with them.
_SHORTEST, _LONGEST = 0.5, 1.5
_RECORD = struct.Struct("<Hq")
_END = 0xFFFF
# Meters that ask a tool (see their intervals) are read in threads.
_SLOW_S = 0.3


@dataclass(frozen=True)
class Group:
    """Series that are read together and share the time array ``time_name``. A ``slow`` one has a thread of its own."""

    time_name: str
    series: Tuple[str, ...]
    read: Callable[[], Sequence[float]]
    shortest_interval_s: float = 0.0
    slow: bool = False


@dataclass
class Samples:
    """``series`` by array name, times as int64 ns and values as float64; ``absent`` sensors by name with the reason.

    ``cpu_share``: CPU time of the sampler, as a share of one core, while it sampled; ``rss_bytes``: of it at the end.
    """

    series: Dict[str, List[float]] = field(default_factory=dict)
    absent: Dict[str, str] = field(default_factory=dict)
    cpu_share: Optional[float] = None
    rss_bytes: Optional[int] = None


def main(path: str, pid: int, hz: float, seed: int, stop_fd: int, store_root: Optional[str] = None) -> None:
    """Sample the process ``pid`` and the device until ``stop_fd`` is closed at its other end."""
    meters, no_meters = power.find_meters("/", store_root)
    groups, absent = find_groups("/", pid, meters)
    absent.update(no_meters)
    cpu_s, wall_s = cpu_seconds(), time.monotonic()
    with open(path, "wb") as file:
        write_header(file, groups, absent)
        writer = Writer(file)

        def stopped(wait_s: float) -> bool:
            return bool(select.select([stop_fd], [], [], wait_s)[0])

        for number, group in enumerate(groups):
            if group.slow:
                args = (writer, number, group, random.Random(seed + number))
                threading.Thread(target=_sample_slowly, args=args, daemon=True).start()
        sample(writer, [(n, g) for n, g in enumerate(groups) if not g.slow], hz, random.Random(seed), stopped)
        writer.end()
        kill_asked()
        for meter in meters:
            meter.close()
        share = (cpu_seconds() - cpu_s) / (time.monotonic() - wall_s)
        file.write((json.dumps({"cpu_share": share, "rss_bytes": _own_rss_bytes()}) + "\n").encode())


def write_header(file: BinaryIO, groups: Sequence[Group], absent: Dict[str, str]) -> None:
    """The first line: what follows, and what does not."""
    header = {"groups": [[g.time_name, list(g.series)] for g in groups], "absent": absent}
    file.write((json.dumps(header) + "\n").encode())


def cpu_seconds() -> float:
    """CPU time of this process, and, in ticks of 10 ms, of the tools that it asked and that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _own_rss_bytes() -> Optional[int]:
    try:
        return sysfs.rss_bytes("/proc/self")
    except OSError:
        return None


def sample(
    writer: "Writer",
    groups: Sequence[Tuple[int, Group]],
    hz: float,
    intervals: random.Random,
    stopped: Callable[[float], bool],
) -> None:
    """Until ``stopped(seconds)``, which waits so long at most, is True. Times are those of the writer's clock."""
    due_ns = {number: 0 for number, _ in groups}
    while True:
        for number, group in groups:
            if writer.now_ns() >= due_ns[number]:
                rest_s = group.shortest_interval_s * intervals.uniform(1.0, 1.5)
                due_ns[number] = writer.now_ns() + int(rest_s * 1e9)
                writer.sweep(number, group)
        if stopped(intervals.uniform(_SHORTEST, _LONGEST) / hz):
            return


def _sample_slowly(writer: "Writer", number: int, group: Group, intervals: random.Random) -> None:
    """A tool that takes seconds, or hangs, holds up nobody else."""
    while writer.sweep(number, group):
        time.sleep(group.shortest_interval_s * intervals.uniform(1.0, 1.5))


class Writer:
    """Writes whole records, from any thread, until ``end``. ``now_ns`` is the session's clock."""

    def __init__(self, file: BinaryIO, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._file, self._lock, self._ended = file, threading.Lock(), False
        self.now_ns = now_ns

    def sweep(self, number: int, group: Group) -> bool:
        """Read the group and write its record. False once the samples have ended."""
        before_ns = self.now_ns()
        values = group.read()
        middle_ns = (before_ns + self.now_ns()) // 2
        record = _RECORD.pack(number, middle_ns) + struct.pack(f"<{len(values)}d", *values)
        return self._write(record)

    def end(self) -> None:
        self._write(_RECORD.pack(_END, 0))
        self._ended = True

    def _write(self, record: bytes) -> bool:
        with self._lock:
            if not self._ended:
                self._file.write(record)
            return not self._ended


def find_groups(root: str, pid: int, meters: Sequence[power.Meter]) -> Tuple[List[Group], Dict[str, str]]:
    """Everything that can be sampled on this device beside ``meters``, and the reason for everything that cannot."""
    found, absent = sensors.temperatures(root)
    clocks, no_clocks = sensors.frequencies(root)
    absent.update(no_clocks)
    readers = [_guarded(s.read) for s in found + clocks]
    names = [f"sample_{s.quantity}__{s.name}" for s in found + clocks]
    names += ["sample_rss_bytes", "sample_memory_available_bytes"]
    proc = os.path.join(root, "proc", str(pid))
    readers += [
        _guarded(lambda: sysfs.rss_bytes(proc)),
        _guarded(lambda: sysfs.meminfo_bytes(root).get("MemAvailable")),
    ]
    groups = [Group("sample_t_ns", tuple(names), lambda: [read() for read in readers])]
    return groups + [_meter_group(meter) for meter in meters], absent


def _meter_group(meter: power.Meter) -> Group:
    names = tuple(c.name for c in meter.channels)

    def read() -> Sequence[float]:
        try:
            values = meter.read()
        except (OSError, ValueError):
            values = {}
        return [values.get(name, math.nan) for name in names]

    series = tuple(f"sample_{c.quantity}__{c.name}" for c in meter.channels)
    slow = meter.shortest_interval_s >= _SLOW_S
    return Group(f"sample_t_ns__{meter.name}", series, read, meter.shortest_interval_s, slow)


def _guarded(read: Callable[[], Optional[float]]) -> Callable[[], float]:
    def guarded() -> float:
        try:
            value = read()
        except (OSError, ValueError):
            return math.nan
        return math.nan if value is None else float(value)

    return guarded


def read_samples(path: str) -> Samples:
    """The series of a sampler's file; a series without a single reading is absent, with that reason.

    A file that ends early (the sampler was killed) gives what is whole in it, and not what it cost.
    """
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        body = file.read()
    samples = Samples(absent=dict(header["absent"]))
    for time_name, names in header["groups"]:
        samples.series.update({name: [] for name in [time_name, *names]})
    position = 0
    while position + _RECORD.size <= len(body):
        number, t_ns = _RECORD.unpack_from(body, position)
        position += _RECORD.size
        if number == _END:
            end = json.loads(body[position:])
            samples.cpu_share, samples.rss_bytes = end["cpu_share"], end.get("rss_bytes")
            break
        time_name, names = header["groups"][number]
        if position + 8 * len(names) > len(body):
            break
        values = struct.unpack_from(f"<{len(names)}d", body, position)
        position += 8 * len(names)
        for name, value in zip([time_name, *names], [t_ns, *values]):
            samples.series[name].append(value)
    _drop_silent(samples)
    return samples


def _drop_silent(samples: Samples) -> None:
    for name in list(samples.series):
        if all(math.isnan(v) for v in samples.series[name]):
            del samples.series[name]
            samples.absent[name.replace("sample_", "").replace("__", ".")] = "gave no reading during the session"
