"""Bundles of the reference models, as a decision for them would leave them, and what the agent hears in their audio."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agents import wire
from agents.backends import load_step
from agents.contract import StreamContract
from agents.decode import Event, make_decoder
from agents.decode.step_graph import Search
from agents.features import make_frontend
from agents.stages import with_phase
from orchestrator.decide.bundle.bundle import write_bundle
from orchestrator.domain.artifact import GRAPH, STEP, Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import CandidateVerdict, Decision, Estimate
from orchestrator.make.models import reference
from orchestrator.make.quality.evaluation import load_evaluation
from tests import sessions

DEVICE_MODEL = "synthetic-board"


def artifact_of(model: str, path: Path, recipe: str, contract: StreamContract | None = None) -> Artifact:
    data = path.read_bytes()
    return replace(
        sessions.artifact(recipe),
        model=model,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        path=path,
        contract=contract or reference.load_contract(model),
    )


def with_parts(artifact: Artifact, **parts: Path) -> Artifact:
    """Of several files, by their part's name."""
    files = {part: artifact_of(artifact.model, path, "onnx:fp32", artifact.contract) for part, path in parts.items()}
    whole = {GRAPH: artifact.files[GRAPH], **{part: file.files[GRAPH] for part, file in files.items()}}
    name = hashlib.sha256("".join(part.sha256 for part in whole.values()).encode()).hexdigest()
    return replace(artifact, sha256=name, parts=whole)


def bundle_of(
    model: str,
    folder: Path,
    path: Path,
    recipe: str = "onnx:fp32",
    runtime: str = "onnxruntime",
    *,
    contract: StreamContract | None = None,
    **parts: Path,
) -> Path:
    """The bundle of a study whose only candidate is this file; with ``parts``, a transducer's."""
    artifact = artifact_of(model, path, recipe, contract)
    if parts:
        artifact = with_parts(artifact, **parts)
    candidate = candidate_of(artifact, runtime)
    decision = decision_of(candidate)
    return write_bundle(folder / "bundles", decision, [artifact], [sessions.session(sessions.candidate())])


def candidate_of(artifact: Artifact, runtime: str = "onnxruntime") -> Candidate:
    provider = sessions.CPU if runtime == "onnxruntime" else "XNNPACK"
    options = {"graph_optimization_level": "all", "allow_spinning": "0"} if runtime == "onnxruntime" else {}
    chunk = artifact.contract.chunk_samples
    return Candidate(artifact.model, artifact.sha256, artifact.recipe, runtime, provider, 1, chunk, options)


def with_fallbacks(folder: Path) -> tuple[Path, list[Candidate]]:
    """The bundle of a winner on another provider, the same file on the CPU, and the study's default of another format;
    and these three."""
    plain = artifact_of("kws", reference.tflite_path("kws"), "litert:fp32")
    best = artifact_of("kws", reference.onnx_path("kws"), "onnx:fp32")
    on_cpu, default = candidate_of(best), candidate_of(plain, "litert")
    winner = replace(on_cpu, provider="XnnpackExecutionProvider")
    others = [CandidateVerdict(c, "dominated", "slower") for c in (on_cpu, default)]
    candidates = (CandidateVerdict(winner, "winner", "fastest"), *others)
    decision = replace(decision_of(winner), candidates=candidates, baseline=default.key)
    bundle = write_bundle(folder / "bundles", decision, [plain, best], [sessions.session(winner)])
    return bundle, [winner, on_cpu, default]


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


def speech_of(model: str, seconds: float = 15.0) -> NDArray[np.int16]:
    """The beginning of the model's evaluation audio."""
    data = load_evaluation(reference.manifest_path(model), reference.load_contract(model).sample_rate_hz).samples_all
    return data[: int(seconds * reference.load_contract(model).sample_rate_hz)]


def heard_by_agent(contract: StreamContract, model: Path, samples: NDArray[np.int16], **parts: Path) -> Sequence[Event]:
    """What the agent's own front end and decoder make of it, around ONNX Runtime. ``parts``: of a transducer, by the
    names of its files (user_lexicon: a user's own words)."""
    session = ort.InferenceSession(str(model), providers=[sessions.CPU])
    frontend = make_frontend(contract)
    decoder = make_decoder(contract.decoder, with_phase(_search(contract, parts), frontend))
    fresh: dict[str, Any] = {s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states}
    features = np.zeros(contract.input_shape(), np.float32)
    state, size = fresh, contract.chunk_samples
    names = [o.name for o in contract.outputs] + [s.output for s in contract.states]
    for start in range(0, len(samples), size):
        chunk = samples[start : start + size]
        frontend.push_into(np.pad(chunk, (0, size - len(chunk))), features)
        given = features.astype(contract.input.dtype)
        out = dict(zip(names, session.run(names, {contract.input.name: given, **state}), strict=True))
        state = {s.input: out[s.output] for s in contract.states}
        decoder.push(out[names[0]])
        if decoder.ended:
            frontend.reset()
            state = fresh
    return decoder.finish()["events"]


def _search(contract: StreamContract, parts: dict[str, Path]) -> Search | None:
    if contract.search is None:
        return None
    files = {name.replace("_", "-"): str(path) for name, path in parts.items()}
    blob = wire.Blob("0" * 64, 1, ".onnx")
    spec = wire.RunSpec(
        "s1", "paced", "onnxruntime", sessions.CPU, blob, contract, blob, contract.chunk_samples, 1, parts={STEP: blob}
    )
    return Search(load_step("onnxruntime")(spec, files[STEP]), contract.search, files)
