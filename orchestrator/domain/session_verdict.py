"""Can a session's figures be believed? Valid, suspect or invalid, with every reason. A pure function of the session."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.device_facts import BusyProcess
from orchestrator.domain.cascade import CASCADE
from orchestrator.domain.cascade_path import CascadeTimes
from orchestrator.domain.core_clocks import clocks_of
from orchestrator.domain.observer import beside_share
from orchestrator.domain.placement import fell_back
from orchestrator.domain.power import choose_source, energy_between, read_source
from orchestrator.domain.session import MULTI, Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.gaps import gaps

VALID, SUSPECT, INVALID = "valid", "suspect", "invalid"
KINDS = (VALID, SUSPECT, INVALID)
TIMED = ("paced", "flat-out")
# Thirds of a session's clock readings are compared only where each has so many.
_CLOCK_READINGS = 10
_CLOCK_SERIES = "sample_frequency_hz__"
_PACER = "chunks were issued {:.0f} % of a chunk late in the median: it measured the pacer"
# What a doubt may be about where it is not about the whole session.
ENERGY, CLOCKS = "energy", "clocks"


@dataclass(frozen=True)
class SessionLimits:
    """Beyond these a session is not valid.

    ``pacer_share``: chunks issued later than this share of a chunk, in the median, measured the harness.

    ``background_share``: with more than half of all cores busy with something else, a session on a device of two cores
    has none for itself, and on a larger one the caches and the memory bus are shared.

    ``clock_drop_share``: a core clock whose median falls by more than this from the first to the last third of a
    session was taken back while it ran. Governors that follow the load move it by less between two thirds.

    ``least_chunks``: fewer chunks in a paced session cannot tell whether its backlog grows (statistics/stability.py).

    ``gap_share``: a sensor that said nothing for more than this share of a session. One failed reading in a hundred is
    nothing; one that vanished for longer may have missed what the rest does not show.

    ``observer_share``: sampler and watchdog together took more of a core than this. They take 0.5 % on a server
    (benchmarks/bench_sampler.py) and some per cent on a small board whose sensors are asked through tools; one that
    computes makes it more.
    """

    pacer_share: float = 0.1
    background_share: float = 0.5
    clock_drop_share: float = 0.1
    least_chunks: int = 32
    gap_share: float = 0.05
    observer_share: float = 0.25


DEFAULT_LIMITS = SessionLimits()


@dataclass(frozen=True)
class Doubt:
    """``kind``: suspect (it may have been chance: run it again) or invalid. ``cause``: one word for tables. ``about``:
    the figures that it is about, ENERGY or CLOCKS; None: all of them.
    """

    kind: str
    cause: str
    reason: str
    about: str | None = None


@dataclass(frozen=True)
class SessionVerdict:
    """``doubts`` are empty where the session is valid with all of its figures, the grave ones first."""

    doubts: tuple[Doubt, ...] = ()

    @property
    def kind(self) -> str:
        """Of the session as a whole: what is about some of its figures leaves the others alone."""
        return self.kind_of(None)

    def kind_of(self, figures: str | None) -> str:
        """Of ENERGY or CLOCKS too."""
        concerned = (doubt.kind for doubt in self.doubts if doubt.about in (None, figures))
        return max(concerned, key=KINDS.index, default=VALID)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(doubt.reason for doubt in self.doubts)

    @property
    def again(self) -> bool:
        """Another try may be better: it is suspect, and not because of what was planned."""
        return self.kind == SUSPECT and any(d.cause != "too-short" for d in self.doubts if d.about is None)

    def __str__(self) -> str:
        return "; ".join((self.kind, *self.reasons)) if self.doubts else self.kind


def judge(session: Session, sample_rate_hz: int | None, limits: SessionLimits = DEFAULT_LIMITS) -> SessionVerdict:
    """The verdict on one session in any mode. What a device cannot say counts neither for nor against it.

    ``sample_rate_hz`` None, where the artifact is gone: its times are not looked at.

    A step of the time of day does not count: no figure depends on it (``RunResult.clock_step_s`` tells it).

    Of a session whose arrays made way: the verdict that it had then, under the default limits.
    """
    if session.kept is not None:
        return SessionVerdict(session.kept.doubts)
    if not session.ok:
        return SessionVerdict((Doubt(INVALID, "failed", f"it failed: {session.result.reason}"),))
    doubts = [*_fallen_back(session), *_throttled(session)]
    not_there = not_held(session)
    doubts += [not_there] if not_there else []
    if session.planned.mode in (*TIMED, MULTI, CASCADE):
        if sample_rate_hz is not None:
            of_times = {MULTI: _stream_times, CASCADE: _cascade_times}.get(session.planned.mode, _times)
            doubts += of_times(session, sample_rate_hz, limits)
            doubts += _sensor_gaps(session, sample_rate_hz, limits)
        doubts += _surroundings(session, limits)
        doubts += _observer(session, limits)
    return SessionVerdict(tuple(sorted(doubts, key=lambda d: -KINDS.index(d.kind))))


def _fallen_back(session: Session) -> Iterator[Doubt]:
    why = fell_back(session.planned.candidate.provider, session.result)
    if why is not None:
        yield Doubt(INVALID, "fallback", f"it fell back: {why}")


def not_held(session: Session) -> Doubt | None:
    """The kernel did not hold it to the CPUs that its candidate is about, or nothing tells that it did."""
    wanted, found = session.planned.candidate.affinity, session.result.scheduling
    if not wanted or (found is not None and found.cpus_used == wanted):
        return None
    why = found.refused.get("cpus") if found is not None else None
    asked = session.planned.candidate.cpus
    return Doubt(INVALID, "affinity", f"{asked}: asked for and not given: {why or 'the device does not tell'}")


def _throttled(session: Session) -> Iterator[Doubt]:
    """Latched flags: one that was set before the session counts."""
    for when, state in (("before", session.result.before), ("after", session.result.after)):
        if state is not None and state.throttled:
            yield Doubt(INVALID, "throttled", f"throttled {when} it ({state.throttled_source})")
            return


def _times(session: Session, sample_rate_hz: int, limits: SessionLimits) -> Iterator[Doubt]:
    try:
        timeline = session.timeline(sample_rate_hz)
    except ValueError as exc:
        yield Doubt(INVALID, "clock", f"its times cannot be: {exc}")
        return
    if not timeline.paced:
        return
    late = float(np.median(timeline.lateness_ns)) / timeline.chunk_ns
    if late > limits.pacer_share:
        yield Doubt(INVALID, "pacer", _PACER.format(100 * late))
    if not session.result.traced:
        yield from _schedule(timeline)
    yield from _length(timeline, limits)


def _stream_times(session: Session, sample_rate_hz: int, limits: SessionLimits) -> Iterator[Doubt]:
    """Of several streams at once; that one is issued late there may be because of the others, which is no error."""
    try:
        streams = session.timelines(sample_rate_hz)
    except ValueError as exc:
        yield Doubt(INVALID, "clock", f"its times cannot be: {exc}")
        return
    moved = [] if session.result.traced else [doubt for stream in streams for doubt in _schedule(stream)]
    yield from moved[:1]
    yield from _length(streams[0], limits)


def _cascade_times(session: Session, sample_rate_hz: int, limits: SessionLimits) -> Iterator[Doubt]:
    """As of streams that take turns; late is what was ready, with nothing else in service."""
    yield from _stream_times(session, sample_rate_hz, limits)
    try:
        run = CascadeTimes(session, sample_rate_hz)
    except ValueError as exc:
        yield Doubt(INVALID, "clock", f"its times cannot be: {exc}")
        return
    chunk_ns = session.planned.candidate.chunk_samples * 1_000_000_000 // sample_rate_hz
    late = float(np.median(run.lateness_ns)) / chunk_ns
    if late > limits.pacer_share:
        yield Doubt(INVALID, "pacer", _PACER.format(100 * late))


def _length(timeline: Timeline, limits: SessionLimits) -> Iterator[Doubt]:
    if len(timeline) < limits.least_chunks:
        reason = f"{len(timeline)} chunks cannot tell whether it keeps up, {limits.least_chunks} can"
        yield Doubt(SUSPECT, "too-short", reason)


def _schedule(timeline: Timeline) -> Iterator[Doubt]:
    """Arrivals one chunk apart, to the ns that rounding leaves."""
    steps = np.diff(timeline.arrival_ns)
    if len(steps) and int(np.abs(steps - timeline.chunk_ns).max()) > 1:
        yield Doubt(INVALID, "clock", "its arrivals are not one chunk apart: the schedule or its clock was moved")


def _sensor_gaps(session: Session, sample_rate_hz: int, limits: SessionLimits) -> Iterator[Doubt]:
    """A sensor that was there and vanished, or ran backwards. One that said nothing at all is absent."""
    try:
        streams = session.timelines(sample_rate_hz)
    except ValueError:
        return  # Told with the times.
    begin_ns = min(int(stream.start_ns[0]) for stream in streams)
    end_ns = max(int(stream.done_ns[-1]) for stream in streams)
    yield from _power_gaps(session, begin_ns, end_ns, limits)
    for name, values in _clocks(session):
        t_ns = session.times_of(name, len(values))
        if t_ns is not None and np.isfinite(values).any():
            try:
                missed_ns = sum(b - a for a, b in gaps(t_ns, values, begin_ns, end_ns))
            except ValueError as exc:
                yield Doubt(SUSPECT, "sensor-gap", f"the clock {name}: {exc}", CLOCKS)
                continue
            yield from _gap(f"the clock {name} was not read", missed_ns, end_ns - begin_ns, CLOCKS, limits)


def _power_gaps(session: Session, begin_ns: int, end_ns: int, limits: SessionLimits) -> Iterator[Doubt]:
    source = choose_source(session.environment.probe.sensors)
    readings = None if isinstance(source, str) else read_source(source, session.arrays)
    if isinstance(source, str) or readings is None:
        return
    try:
        found = energy_between(source, readings, begin_ns, end_ns)
    except ValueError as exc:
        yield Doubt(SUSPECT, "sensor-gap", f"no energy: {source.name}: {exc}", ENERGY)
        return
    missed_ns = round(found.missed_s * 1e9)
    yield from _gap(f"energy only: {source.name} said nothing", missed_ns, end_ns - begin_ns, ENERGY, limits)


def _gap(what: str, missed_ns: int, whole_ns: int, about: str, limits: SessionLimits) -> Iterator[Doubt]:
    if missed_ns > limits.gap_share * whole_ns:
        reason = f"{what} for {missed_ns / 1e9:.3g} s of {whole_ns / 1e9:.3g} s"
        yield Doubt(SUSPECT, "sensor-gap", reason, about)


def _observer(session: Session, limits: SessionLimits) -> Iterator[Doubt]:
    observer = session.result.observer
    share = beside_share(observer) if observer else None
    if share is not None and share > limits.observer_share:
        reason = f"sampler and watchdog took {100 * share:.0f} % of a core beside it"
        yield Doubt(SUSPECT, "observer", reason)


def _clocks(session: Session) -> list[tuple[str, np.ndarray]]:
    """Each core clock's name and readings."""
    named = sorted((n, v) for n, v in session.arrays.items() if n.startswith(_CLOCK_SERIES))
    return [(name.removeprefix(_CLOCK_SERIES), np.asarray(values, dtype=np.float64)) for name, values in named]


def _surroundings(session: Session, limits: SessionLimits) -> Iterator[Doubt]:
    before, after = session.result.before, session.result.after
    share = after.background_cpu_share if after else None
    if share is not None and share > limits.background_share:
        who = f", the most by {_named(after.busiest[0])}" if after and after.busiest else ""
        yield Doubt(SUSPECT, "background", f"something else used {100 * share:.0f} % of all cores during it{who}")
    if before and after and before.governor != after.governor and None not in (before.governor, after.governor):
        yield Doubt(SUSPECT, "frequency", f"the governor changed from {before.governor} to {after.governor}")
    clocks = dict(_clocks(session))
    for name in clocks_of(session.planned.candidate.affinity, clocks):
        drop = _clock_drop(clocks[name])
        if drop > limits.clock_drop_share:
            yield Doubt(SUSPECT, "frequency", f"the clock {name} fell by {100 * drop:.0f} % while it ran")


def _named(process: BusyProcess) -> str:
    return f"{process.name} (pid {process.pid}) with {process.cores:.2g} cores"


def _clock_drop(frequency_hz: np.ndarray) -> float:
    """How far the median of the last third lies below that of the first, as a share of it; 0 where too few tell."""
    third = len(frequency_hz) // 3
    ends = [part[np.isfinite(part)] for part in (frequency_hz[:third], frequency_hz[len(frequency_hz) - third :])]
    if min(map(len, ends)) < _CLOCK_READINGS:
        return 0.0
    first, last = (float(np.median(part)) for part in ends)
    return 1.0 - last / first if first > 0 else 0.0
