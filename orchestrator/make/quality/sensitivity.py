"""Where a quantized recipe goes wrong: per layer by its rounding errors, and by the task's metric on the controller."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.contract import SEARCHES
from agents.strict_json import from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Heard, Sensitivity
from orchestrator.domain.score import Score
from orchestrator.errors import BadAudio, ExportFailed
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.child import answer_of
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.export.parallel import export_all, job_of
from orchestrator.make.export.step_source import split
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.evaluation import EvaluationSet
from orchestrator.make.quality.heard import heard
from orchestrator.make.quality.scoring import score

# Graphs whose layers are found by name in what the quantizer made of them.
LAYERED = ("int8-qdq", "int8-qoperator", "int8-dynamic")
SPLIT = "test"
# Audio that a variant is scored on: 120 clips or 40 sentences, two to ten seconds of work for the models here.
HEARD_S = 120.0
_LAYERS_TIMEOUT_S = 600.0


def sensitivity_of(
    source: ModelSource, recipe: Recipe, artifacts: Path, calibration: CalibrationStream | None
) -> Sensitivity:
    """Errors of the layers that ``recipe`` quantizes, in a process of its own. A fault is its ``reason``: there are
    other ideas."""
    if recipe.format != "onnx" or recipe.precision not in LAYERED:
        return Sensitivity(str(recipe), reason=f"layers of {recipe.format}:{recipe.precision} cannot be told apart")
    with tempfile.TemporaryDirectory(prefix="earshot-sensitivity-") as scratch:
        job = job_of(source, artifacts, calibration, Path(scratch))
        asked: dict[str, object] = {"job": to_json(job), "recipe": str(split(recipe)[0])}
        try:
            said = answer_of(
                ["orchestrator.make.quality.sensitivity_child"], asked, _LAYERS_TIMEOUT_S, "the analysis of layers", ""
            )
        except ExportFailed as exc:
            return Sensitivity(str(recipe), reason=exc.message)
    return from_json(Sensitivity, json.loads(said))


@dataclass(frozen=True)
class Variant:
    """A recipe to hear; ``float_share`` as of ``Heard``."""

    idea: str
    recipe: Recipe
    float_share: float | None = None


def part_of(evaluation: EvaluationSet) -> EvaluationSet:
    """About ``HEARD_S`` of the test split, evenly over it, so that classes and speakers keep their shares."""
    whole = evaluation.utterances_of(SPLIT)
    every = max(1, round(evaluation.duration_s(SPLIT) / HEARD_S))
    return EvaluationSet(evaluation.sample_rate_hz, whole[::every], evaluation.samples_all, evaluation.sha256)


def hear(
    source: ModelSource,
    variants: Sequence[Variant],
    calibration: CalibrationStream | None,
    evaluation: EvaluationSet,
    *,
    known: Mapping[str, str],
    jobs: int,
    on_step: Callable[[str], None],
) -> tuple[Heard, ...]:
    """Each variant exported into a folder that goes away, and scored here against fp32 on ``evaluation``. ``known``:
    recipes by the hash of what they gave, which need not be heard again under another name."""
    recipes = [Recipe(variants[0].recipe.format, "fp32"), *(v.recipe for v in variants)]
    with tempfile.TemporaryDirectory(prefix="earshot-variants-") as folder:
        outcomes = export_all(source, recipes, Path(folder), calibration, jobs)
        truth = _error_rate(outcomes[0], source, evaluation)
        found, twins = [], dict(known)
        for variant, outcome in zip(variants, outcomes[1:], strict=True):
            on_step(str(variant.recipe))
            if isinstance(outcome, Artifact) and outcome.sha256 in twins:
                outcome = ExportRefusal(variant.recipe, f"gives the very bytes of {twins[outcome.sha256]}")
            elif isinstance(outcome, Artifact):
                twins[outcome.sha256] = str(variant.recipe)
            found.append(_heard(variant, outcome, truth, source, evaluation))
    return tuple(found)


def _heard(
    variant: Variant, outcome: Artifact | ExportRefusal, truth: float | str, source: ModelSource, part: EvaluationSet
) -> Heard:
    text, share = str(variant.recipe), variant.float_share
    if isinstance(outcome, ExportRefusal):
        return Heard(variant.idea, text, None, None, share, outcome.reason)
    snr = outcome.parity.snr_db if outcome.parity else None
    rate = truth if isinstance(truth, str) else _error_rate(outcome, source, part)
    if isinstance(rate, str):
        return Heard(variant.idea, text, None, snr, share, unheard=rate)
    assert not isinstance(truth, str)
    return Heard(variant.idea, text, rate - truth, snr, share)


def _error_rate(outcome: Artifact | ExportRefusal, source: ModelSource, part: EvaluationSet) -> float | str:
    """Or why there is none."""
    if isinstance(outcome, ExportRefusal):
        return outcome.reason
    if source.contract.decoder.kind in SEARCHES:
        return "a search over two graphs is scored on the device only"
    try:
        decoded = heard(outcome.path, outcome.contract, part, SPLIT)
        found = score(outcome.sha256[:12], outcome.sha256[:12], source.contract, part, SPLIT, decoded)
    except BadAudio as exc:
        return exc.message
    return found.error_rate if isinstance(found, Score) else found.reason
