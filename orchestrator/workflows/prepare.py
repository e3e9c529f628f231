"""Before anything is measured: the model, its evaluation audio, the artifacts, and the agent on the device."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Environment
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.devices import models_of
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.evaluation import EvaluationSet, load_evaluation
from orchestrator.make.train.tuned import with_tuned
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.identity import require_profile, require_same_model
from orchestrator.measure.lab.profiles import device_model_slug
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.calibrated import with_calibrations
from orchestrator.workflows.metering import meter_of, with_meter
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead, reach
from orchestrator.workflows.session_runner import Material
from orchestrator.workflows.spoken import spoken_words

if TYPE_CHECKING:
    from orchestrator.make.export.calibration import CalibrationStream


@dataclass(frozen=True)
class Prepared:
    """A model with the audio that calibrates and scores it; ``evaluation`` None where it has none."""

    source: ModelSource
    evaluation: EvaluationSet | None

    def needed_evaluation(self) -> EvaluationSet:
        """Raises BadInput where there is none: without one no candidate can be held to its quality."""
        if self.evaluation is None:
            name = self.source.name
            raise BadInput(
                f"{name} has no evaluation set, so no candidate can be held to its quality",
                hint=f"put one JSON object a line (audio_filepath, text, split) into models/{name}/manifest.jsonl",
            )
        return self.evaluation


def trained_folder(models_dir: Path, model: str) -> Path:
    """Where weights are kept that the model learned since."""
    return models_dir.parent / "trained" / model


def prepare_model(name: str, models_dir: Path) -> Prepared:
    """Raises BadInput for an unknown model, BadAudio for a manifest or audio that cannot be read."""
    # What reads and exports graphs takes 0.2 s to import: in a thread, that time passes while a device answers.
    from orchestrator.make.models.library import find_model

    source = find_model(name, models_dir)
    source = with_tuned(source, trained_folder(models_dir, source.name))
    decoded_dir = models_dir.parent / "decoded"
    if source.manifest_path is None:
        return Prepared(source, None)
    return Prepared(source, load_evaluation(source.manifest_path, source.contract.sample_rate_hz, decoded_dir))


@dataclass(frozen=True)
class Exported:
    artifacts: tuple[Artifact, ...]
    refusals: tuple[ExportRefusal, ...]


def export_candidates(
    prepared: Prepared, recipes: Sequence[Recipe], artifacts_dir: Path, *, jobs: int, progress: Progress
) -> Exported:
    """All recipes, in ``jobs`` processes; what is in ``artifacts_dir`` already is not made again.

    Raises ExportFailed where not even the fp32 default passes parity: there is nothing to compare with then.
    """
    from orchestrator.make.export.parallel import export_all
    from orchestrator.make.models.library import CONTRACT_FILE

    source = prepared.source
    wanted = tuple(recipes) or _default_recipes(source)
    default = default_recipe(source)
    if default not in wanted:
        wanted = (default, *wanted)
    progress.stage("exporting", steps=len(wanted), expected_s=2.0 * len(wanted) / jobs)
    outcomes = export_all(
        source,
        wanted,
        artifacts_dir,
        calibration_of(prepared),
        jobs,
        on_progress=lambda done, total, outcome: progress.step(str(outcome.recipe)),
    )
    artifacts, refusals = _distinct(outcomes)
    if default not in {a.recipe for a in artifacts}:
        reason = next((r.reason for r in refusals if r.recipe == default), "unknown")
        mended = source.graph_path if source.has_graph else "the module"
        raise ExportFailed(
            f"the fp32 default of {source.name} could not be exported: {reason}",
            hint=next((r.hint for r in refusals if r.recipe == default and r.hint), None)
            or f"mend {mended} or its {CONTRACT_FILE}: without fp32 there is nothing to compare with",
        )
    return Exported(artifacts, refusals)


def default_recipe(source: ModelSource) -> Recipe:
    """What every gain is stated against: the source's main graph as it is; of a module, the ONNX graph made from it."""
    return Recipe("litert" if source.tflite_path and not source.onnx_path else "onnx", "fp32")


def _default_recipes(source: ModelSource) -> tuple[Recipe, ...]:
    # Reads the graph, for which onnx takes 0.1 s to import: who names recipes does not wait for it.
    from orchestrator.make.export.defaults import default_recipes

    return default_recipes(source)


def _distinct(outcomes: Sequence[Artifact | ExportRefusal]) -> tuple[tuple[Artifact, ...], tuple[ExportRefusal, ...]]:
    """Two recipes that gave the same bytes are one artifact: the later one is told as a refusal."""
    artifacts: dict[str, Artifact] = {}
    refusals = []
    for outcome in outcomes:
        if isinstance(outcome, ExportRefusal):
            refusals.append(outcome)
        elif outcome.sha256 in artifacts:
            twin = artifacts[outcome.sha256].recipe
            refusals.append(ExportRefusal(outcome.recipe, f"gives the very bytes of {twin}, which is measured"))
        else:
            artifacts[outcome.sha256] = outcome
    return tuple(artifacts.values()), tuple(refusals)


def calibration_of(prepared: Prepared) -> "CalibrationStream | None":
    """Streams of the evaluation set's calibration split; None where it has none."""
    from orchestrator.make.export.calibration import CalibrationStream

    if prepared.evaluation is None:
        return None
    utterances = prepared.evaluation.utterances_of("calibration")
    return CalibrationStream(tuple(prepared.evaluation.samples(u) for u in utterances)) if utterances else None


def deploy_agent(
    device: Device,
    progress: Progress,
    ledger: Ledger | None = None,
    *,
    any_device: bool = False,
    ahead: Ahead | None = None,
) -> tuple[DeployedAgent, Environment]:
    """Connects, pushes the agent archive if it is absent, probes. The caller closes ``agent.transport``.

    Raises WrongDevice where the lab file, or the ledger's sessions under this name, mean another device; with
    ``any_device`` that is left to the caller. ``ahead``: where the device may be being reached already.
    """
    meter = meter_of(device)
    progress.stage(f"deploying the agent to {device.name}", steps=1)
    agent = (ahead.take(device) if ahead else None) or reach(device)
    try:
        model = device_model_slug(agent.probe)
        if not any_device:
            require_profile(device, agent.probe)
        if ledger is not None:
            require_same_model(device, model, models_of(ledger, device.name), str(ledger.place))
    except BaseException:
        agent.transport.close()
        raise
    probe = with_calibrations(with_meter(agent.probe, meter), ledger, device.name, model, progress)
    used = agent.environment or device.environment
    environment = Environment(device.name, model, agent.archive_sha256, device.transport, probe, used)
    if environment.emulated:
        progress.note(f"{device.name} is emulated ({environment.emulated}): its times are never ranked")
    return agent, environment


def push_material(
    agent: DeployedAgent,
    prepared: Prepared,
    artifacts: Sequence[Artifact],
    scratch: Path,
    progress: Progress,
) -> dict[str, Material]:
    """Artifacts and evaluation audio, by hash, only what the device lacks. Material by split (test, track)."""
    evaluation = prepared.needed_evaluation()
    files = [file for a in artifacts for file in files_of(a)]
    material = {}
    for split in ("test", "track"):
        if evaluation.utterances_of(split):
            path, blob, spans = evaluation.wav(split, scratch)
            files.append((path, blob))
            words = spoken_words(evaluation, split, prepared.source.contract.decoder.labels)
            material[split] = Material(blob, blob, spans, words)
    if "test" not in material:
        raise BadInput(
            f"the evaluation set of {prepared.source.name} has no utterance of split test",
            hint='give some lines of its manifest "split": "test", or leave split out',
        )
    progress.stage("pushing", steps=1)
    report = push_blobs(agent, files)
    sent_mb = report.bytes_sent / 1e6
    progress.step(f"{len(report.pushed)} files, {sent_mb:.1f} MB sent; {len(report.skipped)} were there")
    return material
