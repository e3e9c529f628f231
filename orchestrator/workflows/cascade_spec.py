"""A planned cascade as what a device is asked to run."""

from collections.abc import Mapping
from dataclasses import replace

from agents import wire
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.cascade import Cascade, CascadeStage
from orchestrator.workflows.artifact_files import blob_of, parts_of

# A stage may need this long beside the audio: import, load, first inference.
_LOAD_S = 60.0
_NS_PER_MS = 1e6


def with_cascade(spec: wire.RunSpec, cascade: Cascade, artifacts: Mapping[str, Artifact]) -> wire.RunSpec:
    """``spec`` of the first stage, with the others behind it. ``artifacts`` by SHA-256."""
    return replace(
        spec,
        mode=wire.CASCADE,
        cascade=wire.Cascade(
            stages=tuple(_stage(stage, artifacts[stage.candidate.artifact_sha256]) for stage in cascade.stages[1:]),
            first=cascade.stages[0].name,
            threshold=cascade.threshold,
            release=cascade.release,
            hangover_ns=round(cascade.hangover_ms * _NS_PER_MS),
            pre_roll_ns=round(cascade.pre_roll_ms * _NS_PER_MS),
            reply_tokens=cascade.reply_tokens,
            order=cascade.order,
        ),
        timeout_s=spec.timeout_s + len(cascade.stages) * _LOAD_S,
    )


def _stage(stage: CascadeStage, artifact: Artifact) -> wire.Stage:
    candidate = stage.candidate
    return wire.Stage(
        name=stage.name,
        when=stage.when,
        runtime=candidate.runtime,
        provider=candidate.provider,
        model=blob_of(artifact),
        contract=artifact.contract,
        chunk_samples=candidate.chunk_samples,
        threads=candidate.threads,
        session_options=candidate.session_options,
        parts=parts_of(artifact),
    )
