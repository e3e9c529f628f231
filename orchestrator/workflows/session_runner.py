"""Runs planned sessions on one device and records each: what the ledger has is never measured again."""

import math
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from agents import wire
from agents.contract import StreamContract
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cascade import CASCADE, Cascade
from orchestrator.domain.isolation import priority_of
from orchestrator.domain.perceived import WORDS
from orchestrator.domain.session import IDLE, MULTI, Environment, PlannedSession, Session
from orchestrator.domain.session_verdict import KINDS, SessionVerdict, judge
from orchestrator.domain.study import Study
from orchestrator.errors import EarshotError, Unreachable
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.arrays import Arrays
from orchestrator.measure.deploy.clean import forget
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.lab.cool_down import Cooler
from orchestrator.measure.lab.device_lease import lost
from orchestrator.measure.lab.health import failed_session
from orchestrator.measure.lab.lease import Hold
from orchestrator.measure.meters.base import MeterOptions
from orchestrator.workflows.arriving import Arriving
from orchestrator.workflows.artifact_files import blob_of, parts_of
from orchestrator.workflows.cascade_spec import with_cascade
from orchestrator.workflows.idle_spec import idle_spec
from orchestrator.workflows.meter import meter_text
from orchestrator.workflows.metering import measure_with
from orchestrator.workflows.origin import origin_of
from orchestrator.workflows.places import Place
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reserve import PowerCycle
from orchestrator.workflows.spoken import SpokenWords

# A session may need this long beside its audio: start of the process, load, first inference.
_OVERHEAD_S = 120.0

# Of several streams, a process each that loads the model for itself.
_OVERHEAD_PER_STREAM_S = 5.0

# Set to anything: sessions stay on the device once they are in the ledger, to look at their logs there.
KEEP_SESSIONS = "EARSHOT_KEEP_SESSIONS"

# A profiled run only has to see each node a few times; what it computes is compared over a second of audio.
_PLACEMENT_CHUNKS = 10
_PLACEMENT_S = 1.0


@dataclass(frozen=True)
class Material:
    """What sessions of one model stream: the speech of paced and flat-out runs, and the utterances to be scored.
    ``words``: when they are spoken; None where nobody said.
    """

    stream: wire.Blob
    evaluation: wire.Blob
    spans: tuple[wire.Span, ...]
    words: SpokenWords | None = None


@dataclass
class SessionRunner:
    """One device in one study. ``material`` by split; ``artifacts`` by SHA-256, all pushed before. ``hold``: the lease
    under which sessions are started. ``meter``: read beside every timed session. ``cooler``: waits before each of them.
    ``suspect_reruns``: so many sessions more may be run, because one was suspect. ``arriving``: of paced sessions.
    ``sharing``: how several streams share the device (agents/wire). ``deadline_ns`` of a chunk; None: its duration.
    ``places``: the device's further Python environments, in which candidates may be.
    ``isolate``: steps of isolation, of which a priority is each session's own.
    ``more_parts``: files that every session gets beside its artifact's own, by ``wire.PARTS``.
    """

    ledger: Ledger
    study: Study
    agent: DeployedAgent
    environment: Environment
    material: dict[str, Material]
    artifacts: dict[str, Artifact]
    progress: Progress
    seed: int = 0
    hold: Hold | None = None
    power: PowerCycle | None = None
    meter: MeterOptions | None = None
    cooler: Cooler | None = None
    suspect_reruns: int = 0
    arriving: Arriving = field(default_factory=Arriving)
    sharing: str = wire.PROCESSES
    deadline_ns: int | None = None
    places: dict[str, Place] = field(default_factory=dict)
    isolate: tuple[str, ...] = ()
    more_parts: dict[str, wire.Blob] = field(default_factory=dict)
    # In the ledger, and still on the device: deleted there by the next call, not by one of their own.
    _recorded: list[str] = field(default_factory=list)
    _priority_told: bool = False

    def plan(
        self,
        candidate: Candidate,
        mode: str,
        *,
        seconds: float = 0.0,
        block: int = 0,
        position: int = 0,
        streams: int = 1,
        cascade: Cascade | None = None,
    ) -> PlannedSession:
        """A session of ``seconds`` of audio (modes paced, flat-out and cascade; multi: in each of ``streams``)."""
        chunk_s = self._contract(candidate).chunk_s(candidate.chunk_samples)
        count = math.ceil(seconds / chunk_s)
        if mode == "placement":
            count = max(_PLACEMENT_CHUNKS, math.ceil(_PLACEMENT_S / chunk_s))
        return PlannedSession(
            self.study.study_id,
            self.environment.device,
            candidate,
            mode,
            block,
            position,
            max(1, count),
            streams=streams,
            deadline_ns=self.deadline_ns,
            cascade=cascade,
        )

    def run(self, planned: PlannedSession, split: str = "test") -> Session:
        """The session: from the ledger, from the device's disk, or measured now. A failed one runs once more."""
        session = self._run_once(planned, split)
        if session.ok or planned.attempt > 0:
            return self._unless_suspect(session, split)
        self.progress.note(f"{planned.candidate.label} failed ({session.result.reason}); trying once more")
        return self._unless_suspect(self._run_once(replace(planned, attempt=planned.attempt + 1), split), split)

    def _unless_suspect(self, session: Session, split: str) -> Session:
        """The session, or one in its place where it is suspect and there is a re-run left."""
        planned = session.planned
        verdict = self._verdict(session)
        if not verdict.again:
            return session
        after = replace(planned, attempt=planned.attempt + 1)
        if self.suspect_reruns <= 0:
            # An interrupted study may have run it already.
            return self.ledger.session(after.session_id) or session
        self.suspect_reruns -= 1
        self.progress.note(f"{planned.candidate.label} is {verdict}: once more")
        again = self._run_once(after, split)
        return again if again.ok and KINDS.index(self._verdict(again).kind) <= KINDS.index(verdict.kind) else session

    def _verdict(self, session: Session) -> SessionVerdict:
        return judge(session, self._contract(session.planned.candidate).sample_rate_hz)

    def run_all(self, plans: Iterable[PlannedSession], split: str = "test") -> list[Session]:
        sessions = []
        for planned in plans:
            self.progress.step(f"{planned.mode} {planned.candidate.label}")
            sessions.append(self.run(planned, split))
        return sessions

    def _run_once(self, planned: PlannedSession, split: str) -> Session:
        known = self.ledger.session(planned.session_id)
        if known is not None:
            return known
        timed = planned.mode in ("paced", "flat-out", MULTI, IDLE, CASCADE)
        cooled = self.cooler.wait(planned.session_id) if self.cooler and timed else None
        started_utc = datetime.now(UTC).isoformat(timespec="seconds")
        begin = time.monotonic()
        place = self._place(planned.candidate)
        with tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
            spec, measure = self._spec(planned, split), partial(self._measure, place.agent)
            meter = self.meter if timed else None
            result, arrays = measure_with(meter, self.agent, lambda: measure(spec, Path(scratch)), seed=self.seed)
        if self.cooler and result.after:
            self.cooler.saw(result.after.temperature_c)
        result = replace(result, cooled=cooled)
        if result.failure == "fenced":
            raise lost(self.environment.device, str(result.reason))
        failed_session(self.ledger, self.environment.device, result)
        arrays = {**arrays, **self._words(planned, split)} if result.outcome == "ok" else arrays
        session = Session(planned, place.environment, started_utc, time.monotonic() - begin, result, arrays)
        self.ledger.record_session(session)
        self._tell_priority(session)
        if session.ok and not os.environ.get(KEEP_SESSIONS):
            self._recorded.append(session.session_id)
        return session

    def _place(self, candidate: Candidate) -> Place:
        here = Place(self.agent, self.environment)
        return here if candidate.environment is None else self.places[candidate.environment]

    def _words(self, planned: PlannedSession, split: str) -> Arrays:
        """What is spoken in the session, where its latency as a user perceives it can be told."""
        words = self.material[split].words
        if words is None or planned.mode not in ("paced", "evaluate", CASCADE):
            return {}
        if planned.mode == "evaluate":
            return {WORDS: words.of_spans}
        return {WORDS: words.of_stream(planned.chunk_count * planned.candidate.chunk_samples)}

    def _tell_priority(self, session: Session) -> None:
        """Once, that the device does not give what was asked for."""
        found = session.result.scheduling
        refused = found.refused.get("priority") if found else None
        if refused and not self._priority_told:
            self._priority_told = True
            self.progress.note(f"{self.environment.device}: priority not done: {refused}")

    def forget_recorded(self) -> None:
        """Delete on the device what the ledger has; `earshot devices clean` does it where this fails."""
        if self._recorded:
            with suppress(EarshotError):
                forget(self.agent, self._recorded)

    def _measure(self, agent: DeployedAgent, spec: wire.RunSpec, scratch: Path) -> tuple[wire.RunResult, Arrays]:
        """Once more after a power cycle, where the device has a hook for one and did not come back by itself."""
        with self.hold.measuring() if self.hold else nullcontext():
            try:
                return self._run_session(agent, spec, scratch)
            except Unreachable as exc:
                if self.power is None or not self.power.once(exc.message):
                    raise
            return self._run_session(agent, spec, scratch)

    def _run_session(self, agent: DeployedAgent, spec: wire.RunSpec, scratch: Path) -> tuple[wire.RunResult, Arrays]:
        put_away = tuple(self._recorded)
        show = partial(self._show, spec)
        answer = run_session(agent, spec, on_event=show, arrays_dir=scratch, forget=put_away)
        self._recorded = [name for name in self._recorded if name not in put_away]
        return answer

    def _show(self, spec: wire.RunSpec, event: wire.Event) -> None:
        text = meter_text(event, spec.contract, spec.chunk_samples)
        if text is not None:
            self.progress.meter(text)

    def _contract(self, candidate: Candidate) -> StreamContract:
        return self.artifacts[candidate.artifact_sha256].contract

    def _spec(self, planned: PlannedSession, split: str) -> wire.RunSpec:
        candidate = planned.candidate
        artifact = self.artifacts[candidate.artifact_sha256]
        material = self.material[split]
        evaluate = planned.mode == "evaluate"
        audio_s = planned.chunk_count * artifact.contract.chunk_s(candidate.chunk_samples)
        if evaluate:
            audio_s = sum(s.count for s in material.spans) / artifact.contract.sample_rate_hz
        idle = planned.mode == IDLE
        spec = wire.RunSpec(
            session_id=planned.session_id,
            mode="paced" if idle or planned.cascade else planned.mode,
            runtime=candidate.runtime,
            provider=candidate.provider,
            model=blob_of(artifact),
            parts={**parts_of(artifact), **self.more_parts},
            contract=artifact.contract,
            audio=material.evaluation if evaluate else material.stream,
            chunk_samples=candidate.chunk_samples,
            chunk_count=0 if evaluate else planned.chunk_count,
            spans=material.spans if evaluate else (),
            threads=candidate.threads,
            session_options=candidate.session_options,
            deadline_ns=planned.deadline_ns,
            affinity=candidate.affinity,
            priority=priority_of(self.isolate, "paced" if idle else planned.mode),
            # Twice real time is far beyond any candidate that could win; a hung provider ends here.
            timeout_s=_OVERHEAD_S + 2 * audio_s,
            seed=self.seed,
            fence=self.hold.token if self.hold else 0,
            origin=origin_of(self.study, planned, self._place(candidate).environment, artifact),
        )
        if idle:
            return idle_spec(spec)
        if planned.cascade is not None:
            return with_cascade(spec, planned.cascade, self.artifacts)
        if planned.mode == MULTI:
            return self.arriving.applied(self._with_streams(spec, planned))
        return self.arriving.applied(spec) if planned.mode == "paced" else spec

    def _with_streams(self, spec: wire.RunSpec, planned: PlannedSession) -> wire.RunSpec:
        """Each run with phases of its own: what a lucky choice of them does is between the runs then."""
        return replace(
            spec,
            streams=planned.streams,
            sharing=self.sharing,
            seed=self.seed + planned.block,
            timeout_s=spec.timeout_s + planned.streams * _OVERHEAD_PER_STREAM_S,
        )
