"""Sessions of the month: one simulated device of one night, and what runs on it."""

import zlib
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from agents import wire
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.score import ItemScore, Score
from orchestrator.domain.session import IDLE, Environment, PlannedSession, Session
from orchestrator.domain.study import Study
from tests import sessions
from tests.month.script import COST_OF, DIGITS, MEDIAN_MS, Unit, ambient_c, slowness_of
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import Service
from tests.simulator.session import Asked, environment_of, run_session

# Enough for a p99 of each session after its warm-up.
CHUNKS = 760
SAMPLER_HZ = 4.0
_REST_S = 20.0
_NOISE = {"noise": 0.04, "process_noise": 0.012, "warm_up": 0.3}
_ITEMS = 400


class DeviceOfNight:
    """A unit, from its first session of a night to its last one; its time goes on from one to the next."""

    def __init__(self, unit: Unit, night: int, begins: datetime) -> None:
        self.unit, self.night, self._begins = unit, night, begins
        self._rng = np.random.default_rng([night, zlib.crc32(unit.name.encode())])
        cooling = replace(unit.cooling, ambient_c=ambient_c(night))
        # What a night does to a device as a whole: the room, what else runs there.
        mood = float(np.exp(0.01 * self._rng.standard_normal()))
        slowness = slowness_of(unit, night) * mood
        self._device = SimulatedDevice(drift=lambda at_s: slowness, cooling=cooling, draw=unit.draw)
        # It idled all day.
        self._device.rest(3600.0)

    def session(self, study: Study, candidate: Candidate, commit: str, block: int, mode: str = "paced") -> Session:
        """As the agent would run it now, and then a rest."""
        device, began_s = self._device, self._device.time_ns / 1e9
        costs_ns = self._service(candidate, commit).costs_ns(self._rng, CHUNKS)
        if mode == IDLE:
            costs_ns = np.full(CHUNKS, 20_000, dtype=np.int64)
        asked = Asked(candidate, mode, block, sampler_hz=SAMPLER_HZ, seed=block)
        found = run_session(device, costs_ns, asked)
        device.rest(_REST_S)
        planned = replace(found.planned, study_id=study.study_id, device=self.unit.name)
        return self._placed(found, planned, began_s, candidate)

    def evaluation(self, study: Study, candidate: Candidate) -> tuple[Session, Score]:
        """Which items are heard wrongly depends on the recipe alone."""
        planned = PlannedSession(study.study_id, self.unit.name, candidate, "evaluate", 0, 0, 1)
        result = wire.RunResult(planned.session_id, "ok", 1, runtime_version="simulated")
        session = Session(planned, self._environment(), self._utc(self._device.time_ns / 1e9), 2.0, result, {})
        wrong = 12 if candidate.recipe.precision == "fp32" else 14
        items = tuple(ItemScore(f"clip-{n:03}", float(n < wrong), 1.0) for n in range(_ITEMS))
        metric, value = ("wer", wrong / _ITEMS) if candidate.model == DIGITS else ("accuracy", 1 - wrong / _ITEMS)
        return session, Score(session.session_id, candidate.key, metric, value, "e" * 64, items, {})

    def _service(self, candidate: Candidate, commit: str) -> Service:
        cost = COST_OF[commit] if candidate.model == DIGITS else 1.0
        return Service(MEDIAN_MS[candidate.model, str(candidate.recipe)] * cost, **_NOISE)

    def _placed(self, found: Session, planned: PlannedSession, began_s: float, candidate: Candidate) -> Session:
        peak = round(60e6 * (0.6 if candidate.recipe.precision != "fp32" else 1.0) * self._near(0.004))
        result = replace(
            found.result,
            session_id=planned.session_id,
            load_ns=round(45e6 * self.unit.slowness * self._near(0.02)),
            memory=(wire.PhaseMemory("steady", peak, None, None, "hwm-reset"),),
        )
        return replace(
            found,
            planned=planned,
            environment=self._environment(),
            started_utc=self._utc(began_s),
            result=result,
        )

    def _near(self, noise: float) -> float:
        return float(np.exp(noise * self._rng.standard_normal()))

    def _environment(self) -> Environment:
        plain = environment_of(self._device)
        probe = replace(plain.probe, model=self.unit.model, machine="aarch64", unit=f"serial-{self.unit.name}")
        return replace(plain, device=self.unit.name, device_model=self.unit.model, probe=probe)

    def _utc(self, at_s: float) -> str:
        """The device's time began an hour before the night's first session."""
        return (self._begins + timedelta(seconds=at_s - 3601.0)).isoformat(timespec="seconds")


def artifact_of(model: str, recipe: str, commit: str, size_bytes: int) -> Artifact:
    """What a commit of the model gives; named by what it is made of."""
    made = sessions.artifact(recipe, size_bytes)
    digits = "".join(f"{zlib.crc32(f'{n} {model} {recipe} {commit}'.encode()):08x}" for n in range(8))
    provenance = replace(made.provenance, source_sha256=digits[::-1], tools={"onnxruntime": "1.31.1"})
    contract = replace(made.contract, model=model)
    return replace(made, model=model, sha256=digits, contract=contract, provenance=provenance)


def candidate_of(artifact: Artifact) -> Candidate:
    chunk = artifact.contract.chunk_samples
    return Candidate(artifact.model, artifact.sha256, artifact.recipe, "onnxruntime", sessions.CPU, 1, chunk)
