"""From the stages of a cascade file to artifacts, and on a device to candidates."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from agents.contract import StreamContract
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.cascade import Cascade, CascadeStage
from orchestrator.errors import BadInput
from orchestrator.workflows.candidates import allowed_chunk, candidates_for
from orchestrator.workflows.cascade_file import WantedCascade, WantedStage
from orchestrator.workflows.prepare import Prepared, prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.run_work import exported_one
from orchestrator.workflows.single import pick
from orchestrator.workflows.site import Site

# Of a first stage whose contract does not say it: what Silero VAD's authors take, and a pause that ends a sentence.
_THRESHOLD, _RELEASE, _HANGOVER_MS = 0.5, 0.35, 300.0


@dataclass(frozen=True)
class MadeStage:
    wanted: WantedStage
    prepared: Prepared
    artifact: Artifact

    @property
    def contract(self) -> StreamContract:
        return self.artifact.contract


def make_stages(wanted: WantedCascade, results: Path, progress: Progress) -> tuple[MadeStage, ...]:
    """Raises BadInput for models that make no cascade, ExportFailed."""
    prepared = {name: prepare_model(name, results / "models") for name in {stage.model for stage in wanted.stages}}
    contracts = [prepared[stage.model].source.contract for stage in wanted.stages]
    _require_gate(wanted.stages[0], contracts[0])
    _require_text(wanted.stages[1], contracts[1])
    for stage, contract in zip(wanted.stages[2:], contracts[2:], strict=True):
        if contract.frontend.kind != "tokens":
            raise BadInput(
                f"stage {stage.name}: {stage.model} takes {contract.frontend.kind}, and the last stage gets text",
                hint="give a language model there (frontend tokens), or leave the stage out",
            )
    rates = {contract.sample_rate_hz for contract in contracts[:2]}
    if len(rates) > 1:
        raise BadInput(f"the stages hear one audio, got rates of {sorted(rates)} Hz", hint="choose models of one rate")
    return tuple(
        MadeStage(stage, prepared[stage.model], exported_one(prepared[stage.model], stage.recipe, results, progress))
        for stage in wanted.stages
    )


def _require_gate(stage: WantedStage, contract: StreamContract) -> None:
    decoder = contract.decoder
    says = decoder.kind == "vad" or (decoder.kind == "keyword" and decoder.ignored)
    if not says and not (decoder.kind == "none" and prod(contract.outputs[0].shape) == 1):
        raise BadInput(
            f"stage {stage.name}: {stage.model} does not say where speech is",
            hint="begin with a voice activity detector, such as silero-vad, or a keyword spotter that knows silence",
        )


def _require_text(stage: WantedStage, contract: StreamContract) -> None:
    if contract.frontend.kind == "tokens" or contract.decoder.kind in ("none", "vad"):
        raise BadInput(
            f"stage {stage.name}: {stage.model} makes no text of audio",
            hint="the second stage is a recognizer, such as digits-lstm (decoder ctc, rnnt or keyword)",
        )


def cascade_on(wanted: WantedCascade, made: Sequence[MadeStage], site: Site) -> Cascade:
    """As the device runs it. Raises BadInput, DeviceNotReady where it cannot."""
    gate = made[0].contract
    decoder, is_vad = gate.decoder, gate.decoder.kind == "vad"
    hangover_ms = _HANGOVER_MS
    if is_vad:
        hangover_ms = 1e3 * decoder.refractory_frames * gate.frame_samples() / gate.sample_rate_hz
    return Cascade(
        name=wanted.name,
        stages=tuple(_stage(stage, site) for stage in made),
        threshold=_first(wanted.threshold, decoder.threshold if is_vad else _THRESHOLD),
        release=_first(wanted.release, decoder.release if is_vad else _RELEASE),
        hangover_ms=_first(wanted.hangover_ms, hangover_ms),
        pre_roll_ms=wanted.pre_roll_ms,
        reply_tokens=wanted.reply_tokens,
        order=wanted.order,
    )


def _first(wanted: float | None, otherwise: float) -> float:
    return otherwise if wanted is None else wanted


def _stage(made: MadeStage, site: Site) -> CascadeStage:
    wanted, cluster = made.wanted, site.cluster
    chunk = allowed_chunk(made.contract, wanted.chunk_ms)
    known = candidates_for(
        [made.artifact],
        site.environment.probe,
        threads=[wanted.threads],
        chunk_samples=chunk,
        clusters=[cluster] if cluster else [],
        spare=True,
    )
    affinity = cluster.cpus if cluster else ()
    chosen = pick(known, site.device.name, wanted.provider, wanted.threads, wanted.options, affinity)
    return CascadeStage(wanted.name, wanted.when, chosen, wanted.budget_ms)
