"""Does observing a device change what is observed? One fixed load, with sampler and journal on and off in turn."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents import wire
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.observer import OnOff, per_chunk_ns, sampler_share
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Environment, PlannedSession, Session
from orchestrator.errors import DeviceNotReady, EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.observer import on_off_of, record_on_off
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.clean import forget
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.farm.interleave import block_order
from orchestrator.measure.lab.device import Device
from orchestrator.statistics.warmup import classify
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Progress, Silent
from orchestrator.workflows.reserve import reserved
from orchestrator.workflows.stand_in import RATE_HZ, pushed_silence, stand_in_spec

PAIRS = 6
# A run of a second has ten readings of each sensor and four events of the journal in it.
_RUN_S = 1.0
_CHUNK_SAMPLES = 160
# Rounds of arithmetic for a chunk: 0.2 ms on a server, some ms on a small board.
_WORK = 100
_TRIAL_CHUNKS, _MOST_CHUNKS = 50, 20_000
ON, OFF = "on", "off"
# What is switched off. The watchdog itself stays: without it a session that hangs would never end.
_STILL = {"sampler_hz": 0.0, "progress_events": False}


def measure_on_off(device: Device, path: Path, progress: Progress, *, wait_s: float = 0.0) -> OnOff:
    """Under a lease; recorded in the ledger at ``path``. Raises DeviceHeld, DeviceNotReady where a run failed."""
    with (
        Ledger.open(path) as ledger,
        reserved(ledger, device, "observer", progress, wait_s=wait_s) as held,
        tempfile.TemporaryDirectory(prefix="earshot-") as scratch,
    ):
        agent, environment = deploy_agent(device, Silent(), ledger)
        with agent.transport, held.on_device(agent):
            audio = pushed_silence(agent, Path(scratch), _CHUNK_SAMPLES)
            load = _Load(agent, environment, audio, held.token, Path(scratch))
            try:
                with held.measuring():
                    found = on_off(load, environment, progress)
            finally:
                with suppress(EarshotError):
                    forget(agent, load.ran)
        record_on_off(ledger, found)
    return found


def known_on_off(path: Path, device: str) -> OnOff | None:
    """The newest one that the ledger at ``path`` has of the device; None without one."""
    if not path.exists():
        return None
    with Ledger.open(path) as ledger:
        return on_off_of(ledger, device)


@dataclass
class _Load:
    """Fresh processes of the same work; ``ran``: their ids."""

    agent: DeployedAgent
    environment: Environment
    audio: wire.Blob
    fence: int
    scratch: Path

    def __post_init__(self) -> None:
        self._name = f"observer-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
        self.ran: list[str] = []

    def __call__(self, mode: str, chunks: int) -> Session:
        """Raises DeviceNotReady where it failed."""
        session_id = f"{self._name}-{len(self.ran)}"
        self.ran.append(session_id)
        still = _STILL if mode == OFF else {}
        options = {"work": str(_WORK)}
        spec = stand_in_spec(
            session_id, "flat-out", self.audio, _CHUNK_SAMPLES, chunks, self.fence, session_options=options, **still
        )
        result, arrays = run_session(self.agent, spec, on_event=lambda event: None, arrays_dir=self.scratch)
        if result.outcome != "ok" or "t_ns" not in arrays:
            raise DeviceNotReady(f"a run with the observer {mode} failed on {self.agent.name}: {result.reason}")
        planned = PlannedSession(self._name, self.agent.name, _candidate(self.audio), "flat-out", 0, 0, chunks)
        return Session(planned, self.environment, datetime.now(UTC).isoformat(timespec="seconds"), 0.0, result, arrays)


def _candidate(audio: wire.Blob) -> Candidate:
    return Candidate("load", audio.sha256, Recipe("onnx", "fp32"), "echo", "echo", 1, _CHUNK_SAMPLES)


def on_off(
    run: Callable[[str, int], Session], environment: Environment, progress: Progress, pairs: int = PAIRS
) -> OnOff:
    """``run(ON or OFF, chunks)`` in pairs, mirrored from pair to pair: a drift of the device meets both."""
    progress.stage("observer on and off", steps=2 * pairs, expected_s=2 * pairs * (_RUN_S + 0.5))
    trial_ms = _mean_ms(run(ON, _TRIAL_CHUNKS))
    chunks = min(_MOST_CHUNKS, max(_TRIAL_CHUNKS, round(_RUN_S * 1e3 / trial_ms)))
    sessions: dict[str, list[Session]] = {ON: [], OFF: []}
    for pair in range(pairs):
        for mode in block_order((ON, OFF), pair, seed=0):
            progress.step(mode)
            sessions[mode].append(run(mode, chunks))
    costly = max(sessions[ON], key=_sampler_share)
    assert costly.result.observer is not None
    return OnOff(
        device=environment.device,
        device_model=environment.device_model,
        at_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        agent_sha256=environment.agent_sha256,
        on_ms=tuple(_mean_ms(session) for session in sessions[ON]),
        off_ms=tuple(_mean_ms(session) for session in sessions[OFF]),
        cost=costly.result.observer,
        chunk_ns=per_chunk_ns(costly),
    )


def _mean_ms(session: Session) -> float:
    """Of a chunk in the steady state: the mean, because what another process takes is in some chunks only."""
    timeline = session.timeline(RATE_HZ)
    return float(timeline.after(classify(timeline.service_ns).skip).service_ns.mean()) / 1e6


def _sampler_share(session: Session) -> float:
    observer = session.result.observer
    return (sampler_share(observer) if observer else None) or 0.0
