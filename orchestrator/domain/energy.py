"""What a session drew beyond the idle device: energy per second of audio and per chunk."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrator.domain.power import PowerSource, choose_source, energy_between, read_source
from orchestrator.domain.session import IDLE, Session
from orchestrator.domain.session_verdict import DEFAULT_LIMITS, judge
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.energy import Energy, in_step

NO_IDLE = "there is no idle session, so no idle power that net energy is above"
_NOT_IDLE = ("throttled", "background")
_MJ = 1e3


class NoEnergy(ValueError):
    """The energy is absent; the message says why. It never stands for zero."""


@dataclass(frozen=True)
class Drawn:
    """Energy of the device while ``audio_s`` of audio passed in ``window_s``. ``energy`` has a value.

    Where readings are missing, all rates are those of the time that is covered: of the rest nothing is said.
    """

    source: PowerSource
    energy: Energy
    audio_s: float
    chunks: int
    window_s: float

    @property
    def power_w(self) -> float:
        assert self.energy.energy_j is not None
        return self.energy.energy_j / self.energy.covered_s

    @property
    def power_uncertainty_w(self) -> float:
        return self.energy.uncertainty_j / self.energy.covered_s

    @property
    def broken(self) -> bool:
        """Whether its sensor said nothing for so long that the session is suspect with this figure."""
        return self.energy.missed_s > DEFAULT_LIMITS.gap_share * self.window_s

    @property
    def gross_mj_per_audio_s(self) -> float:
        return self.power_w * self._spread * _MJ

    def net_mj_per_audio_s(self, idle: "Idle") -> float:
        return (self.power_w - idle.power_w) * self._spread * _MJ

    def net_uncertainty_mj(self, idle: "Idle") -> float:
        """Standard uncertainty of the net figure, of the idle power included."""
        return math.hypot(self.power_uncertainty_w, idle.uncertainty_w) * self._spread * _MJ

    def idle_uncertainty_mj(self, idle: "Idle") -> float:
        """Its part from the idle power, which all sessions of a study share."""
        return idle.uncertainty_w * self._spread * _MJ

    @property
    def audio_s_per_chunk(self) -> float:
        return self.audio_s / self.chunks

    @property
    def _spread(self) -> float:
        """Seconds that pass for one second of audio: 1 in a paced session."""
        return self.window_s / self.audio_s


@dataclass(frozen=True)
class Idle:
    """The device with the agent and its pacer running and no model: mean over ``sessions`` sessions.

    ``drift_w``: the last one minus the first one; None where there is one. ``uncertainty_w``: standard, with the drift.
    ``doubt``: why it was not idle; no candidate is ranked above such a baseline.
    """

    source: PowerSource
    power_w: float
    uncertainty_w: float
    drift_w: float | None
    sessions: int
    doubt: str | None = None


def drawn(session: Session, timeline: Timeline) -> Drawn:
    """From the first chunk of ``timeline`` to the end of its last one. Raises NoEnergy with the reason."""
    source = choose_source(session.environment.probe.sensors)
    if isinstance(source, str):
        raise NoEnergy(_own_words(session) or source)
    readings = read_source(source, session.arrays)
    if readings is None:
        raise NoEnergy(f"{source.name} gave no reading{_because(session, source)}")
    begin_ns, end_ns = int(timeline.start_ns[0]), int(timeline.done_ns[-1])
    if timeline.paced and not source.averaged:
        inside = readings.t_ns[(readings.t_ns >= begin_ns) & (readings.t_ns <= end_ns)]
        blind = in_step(inside, timeline.chunk_ns)
        if blind is not None:
            raise NoEnergy(f"{source.name} is {blind}")
    try:
        found = energy_between(source, readings, begin_ns, end_ns)
    except ValueError as exc:
        raise NoEnergy(f"{source.name}: {exc}") from exc
    if found.energy_j is None:
        raise NoEnergy(f"{source.name} is {found.reason}{_because(session, source)}")
    chunks = len(timeline)
    return Drawn(source, found, chunks * timeline.chunk_ns / 1e9, chunks, (end_ns - begin_ns) / 1e9)


def _own_words(session: Session) -> str:
    """Why this session had no power sensor, as its agent says."""
    given = session.result.sensors_absent
    return "; ".join(sorted({reason for name, reason in given.items() if name.startswith("power")}))


def _because(session: Session, source: PowerSource) -> str:
    given = session.result.sensors_absent
    meter = source.first.name.split(".")[0]
    for name in (f"power.{source.first.name}", f"{source.first.quantity}.{source.first.name}", f"power.{meter}"):
        if name in given:
            return f": {given[name]}"
    return ""


def idle_power(sessions: Iterable[Session], sample_rate_hz: int) -> Idle:
    """From a study's idle sessions, in the order they ran. Raises NoEnergy where there is none, or one says nothing."""
    idle = sorted((s for s in sessions if s.planned.mode == IDLE and s.ok), key=lambda s: s.planned.block)
    if not idle:
        raise NoEnergy(NO_IDLE)
    found = [_idle_drawn(session, sample_rate_hz) for session in idle]
    names = sorted({one.source.name for one in found})
    if len(names) > 1:
        raise NoEnergy(f"the idle power was read by {' and '.join(names)}: no baseline for one of them")
    power_w = np.array([one.power_w for one in found])
    drift_w = None if len(found) == 1 else float(power_w[-1] - power_w[0])
    spacing_w = math.sqrt(sum(one.power_uncertainty_w**2 for one in found)) / len(found)
    uncertainty_w = math.hypot(spacing_w, 0.0 if drift_w is None else float(np.ptp(power_w)) / 2)
    doubts = dict.fromkeys(reason for session in idle for reason in _doubts(session, sample_rate_hz))
    return Idle(found[0].source, float(power_w.mean()), uncertainty_w, drift_w, len(found), "; ".join(doubts) or None)


def _doubts(session: Session, sample_rate_hz: int) -> list[str]:
    """What keeps it from being an idle device: judged as the paced session that it is to the agent.

    Its clocks may fall: nothing works.
    """
    as_paced = replace(session, planned=replace(session.planned, mode="paced"))
    return [doubt.reason for doubt in judge(as_paced, sample_rate_hz).doubts if doubt.cause in _NOT_IDLE]


def idle_or_reason(sessions: Iterable[Session], sample_rate_hz: int) -> Idle | str:
    """As ``idle_power``; the reason where there is none."""
    try:
        return idle_power(sessions, sample_rate_hz)
    except NoEnergy as exc:
        return str(exc)


def _idle_drawn(session: Session, sample_rate_hz: int) -> Drawn:
    try:
        return drawn(session, session.timeline(sample_rate_hz))
    except NoEnergy as exc:
        raise NoEnergy(f"idle power: {exc}") from exc
    except ValueError as exc:
        raise NoEnergy(f"idle power: the idle session {session.session_id} cannot be used: {exc}") from exc


def same_source(of: Sequence[Drawn], idle: Idle) -> None:
    """Raises NoEnergy where sessions and baseline were not read by one sensor, in one calibration."""
    known = {(d.source.name, d.source.calibration) for d in of} | {(idle.source.name, idle.source.calibration)}
    if len(known) > 1:
        raise NoEnergy(f"read by {' and '.join(sorted({name for name, _ in known}))}, or calibrated in between")
