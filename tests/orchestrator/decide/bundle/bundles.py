"""Bundles of the reference models, as a decision for them would leave them, and what the agent hears in their audio."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.decode import Event, make_decoder
from agents.features import make_frontend
from orchestrator.decide.bundle.bundle import write_bundle
from orchestrator.domain.artifact import GRAPH, STEP, Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import CandidateVerdict, Decision, Estimate
from orchestrator.domain.recipe import Recipe
from orchestrator.make.models import reference
from orchestrator.make.quality.evaluation import load_evaluation
from tests import sessions

DEVICE_MODEL = "synthetic-board"


def artifact_of(model: str, path: Path, recipe: str) -> Artifact:
    data = path.read_bytes()
    return replace(
        sessions.artifact(recipe),
        model=model,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        path=path,
        contract=reference.load_contract(model),
    )


def bundle_of(
    model: str,
    folder: Path,
    path: Path,
    recipe: str = "onnx:fp32",
    runtime: str = "onnxruntime",
    step: Path | None = None,
) -> Path:
    """The bundle of a study whose only candidate is this file; with ``step``, a transducer's."""
    artifact = artifact_of(model, path, recipe)
    if step is not None:
        other = artifact_of(model, step, recipe)
        parts = {GRAPH: artifact.files[GRAPH], STEP: other.files[GRAPH]}
        artifact = replace(artifact, sha256="b" * 64, parts=parts)
    provider = sessions.CPU if runtime == "onnxruntime" else "XNNPACK"
    options = {"graph_optimization_level": "all", "allow_spinning": "0"} if runtime == "onnxruntime" else {}
    chunk = artifact.contract.chunk_samples
    candidate = Candidate(model, artifact.sha256, Recipe.parse(recipe), runtime, provider, 1, chunk, options)
    return write_bundle(
        folder / "bundles", decision_of(candidate), [artifact], [sessions.session(sessions.candidate())]
    )


def decision_of(candidate: Candidate) -> Decision:
    none = Estimate(None, reason="one candidate")
    return Decision(
        study_id="study-1",
        model=candidate.model,
        device="bench",
        device_model=DEVICE_MODEL,
        objective="latency_p50_ms",
        constraints={},
        verdict="no-difference",
        candidates=(CandidateVerdict(candidate, "winner", "the only one"),),
        winner=candidate.key,
        baseline=candidate.key,
        gain=none,
        quality_cost=none,
        sentence="the only one",
    )


def frame_s(model: str) -> float:
    """How far two frames of its output are apart."""
    contract = reference.load_contract(model)
    return contract.chunk_s() / contract.outputs[0].shape[1]


def speech_of(model: str, seconds: float = 30.0) -> NDArray[np.int16]:
    """The beginning of the model's evaluation audio."""
    data = load_evaluation(reference.manifest_path(model), reference.load_contract(model).sample_rate_hz).samples_all
    return data[: int(seconds * reference.load_contract(model).sample_rate_hz)]


def heard_by_agent(contract: StreamContract, model: Path, samples: NDArray[np.int16]) -> Sequence[Event]:
    """What the agent's own front end and decoder make of it, around ONNX Runtime."""
    session = ort.InferenceSession(str(model), providers=[sessions.CPU])
    frontend, decoder = make_frontend(contract), make_decoder(contract.decoder)
    state: dict[str, Any] = {s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states}
    features = np.zeros(contract.input_shape(), np.float32)
    size = contract.chunk_samples
    names = [o.name for o in contract.outputs] + [s.output for s in contract.states]
    for start in range(0, len(samples) - size + 1, size):
        frontend.push_into(samples[start : start + size], features)
        out = dict(zip(names, session.run(names, {contract.input.name: features, **state}), strict=True))
        state = {s.input: out[s.output] for s in contract.states}
        decoder.push(out[names[0]])
    return decoder.finish()["events"]
