"""Fine-tuning with int8's rounding in the graph, and what it gained: one table against post-training int8 and fp32."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.durable import write_file
from orchestrator.domain.artifact import Parity
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.score import Score
from orchestrator.errors import BadInput, EarshotError, ExportFailed
from orchestrator.make.export.quiet import captured
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.heard import heard
from orchestrator.make.quality.scoring import score
from orchestrator.make.train.lessons import lessons_of
from orchestrator.make.train.tuned import keep, tuned_source
from orchestrator.workflows.prepare import Prepared, calibration_of
from orchestrator.workflows.progress import Progress

if TYPE_CHECKING:
    from orchestrator.make.train.qat import Learner

WEIGHTS_FILE, PROGRAM_FILE = "weights.safetensors", "model.pte"
EXECUTORCH_FP32, EXECUTORCH_INT8 = Recipe("executorch", "fp32"), Recipe("executorch", "int8-static")
ONNX_FP32 = Recipe("onnx", "fp32")
# Like those of XNNPACK: weights per channel, activations s8, which saturates on no CPU.
ONNX_INT8 = Recipe.parse("onnx:int8-qdq(activation=s8,granularity=channel)")
TRAINED, TUNED = "trained", "fine-tuned"
LEARNED = f"{EXECUTORCH_INT8.format}:int8, as it was learned"
_COMPARED = (
    (TRAINED, EXECUTORCH_FP32),
    (TRAINED, EXECUTORCH_INT8),
    (TRAINED, ONNX_FP32),
    (TRAINED, ONNX_INT8),
    (TUNED, ONNX_FP32),
    (TUNED, ONNX_INT8),
)
_SPLIT = "test"
# Utterances on which the learned program is held against fp32: as many seconds as for other artifacts, and some.
_PROVEN_ON = 8


@dataclass(frozen=True)
class Plan:
    """``steps`` batches, ``rate`` the highest learning rate. ``out``: the folder for what is made. ``lessons``:
    "file.py:function" for a model that names none itself. Raises BadInput."""

    steps: int
    rate: float
    out: Path
    seed: int = 0
    threads: int = 1
    lessons: str | None = None

    def __post_init__(self) -> None:
        if not (0 < self.rate < 1):
            raise BadInput(f"the learning rate must be between 0 and 1, got {self.rate:g}", hint="1e-4 is usual")


@dataclass(frozen=True)
class Row:
    """One graph: whose ``weights`` it has, how it was quantized, and its figures on the test split.

    ``snr_db``: against fp32 with the same weights; None where it is that, or differs nowhere.
    """

    weights: str
    graph: str
    metric: str
    value: float
    errors: float
    count: float
    snr_db: float | None
    size_bytes: int
    path: Path


@dataclass(frozen=True)
class Outcome:
    """``losses``: one a step. ``fine_tuning_s`` includes the synthesis of what was learned, where it was not there.
    ``files``: the float weights and the int8 program; ``weights``: what recipes call the former."""

    model: str
    steps: int
    fine_tuning_s: float
    losses: tuple[float, ...]
    rows: tuple[Row, ...]
    files: tuple[Path, Path]
    weights: str


def quantization_aware(prepared: Prepared, plan: Plan, artifacts: Path, trained: Path, progress: Progress) -> Outcome:
    """Fine-tune, write weights and the int8 program into ``plan.out``, and hold them against post-training int8. The
    weights are kept in ``trained`` too, where recipes find them.

    Raises BadInput for a model without evaluation set or training batches, ExportFailed where a package is missing, a
    graph cannot be made or differs too much from fp32, SynthesisFailed where training speech cannot be made.
    """
    prepared.needed_evaluation()
    source = prepared.source
    began_s = time.monotonic()
    learner = fine_tuned(source, plan, progress)
    took_s = time.monotonic() - began_s
    plan.out.mkdir(parents=True, exist_ok=True)
    weights, program = plan.out / WEIGHTS_FILE, plan.out / PROGRAM_FILE
    learned = weights_of(learner)
    write_file(str(weights), learned)
    name = keep(learned, trained)
    with captured():
        from orchestrator.make.train.program import streaming_program

        write_file(str(program), streaming_program(learner.quantized(), source.contract))
    rows = _compared(prepared, tuned_source(source, weights), program, artifacts, progress)
    return Outcome(source.name, plan.steps, took_s, learner.losses, rows, (weights, program), name)


def fine_tuned(source: ModelSource, plan: Plan, progress: Progress) -> "Learner":
    """Having learned. Raises what ``quantization_aware`` does of a model and its batches."""
    # What is imported here first is quiet from then on.
    with captured():
        lessons = lessons_of(source.name, plan.lessons or source.lessons)(plan.seed)
    progress.stage("preparing speech and graph", steps=1)
    with captured():
        module = source.needed_module().load()
        try:
            from orchestrator.make.export.executorch_program import example_inputs
            from orchestrator.make.train import qat
        except ModuleNotFoundError as exc:
            raise ExportFailed(f"quantization-aware training needs {exc.name}", hint=TORCH_HINT) from exc
        course = qat.Course(plan.steps, plan.rate, plan.seed, plan.threads)
        with _explained(plan.lessons or source.name):
            learner = qat.Learner(module, example_inputs(source.contract), next(lessons), course)
    progress.step("prepared")
    progress.stage("fine-tuning", steps=plan.steps)
    with _explained(plan.lessons or source.name):
        for number, loss in enumerate(learner.learn(lessons), start=1):
            progress.step(f"step {number}, loss {loss:.3f}")
    return learner


def weights_of(learner: "Learner") -> bytes:
    """As a safetensors file, in float. Before its graph becomes one of integers."""
    from safetensors.torch import save

    return bytes(save(learner.weights()))


@contextmanager
def _explained(whose: str) -> Iterator[None]:
    """Whatever the batches' own code or torch raises over them becomes BadInput."""
    try:
        yield
    except EarshotError:
        raise
    except Exception as exc:
        said = str(exc).strip().splitlines()
        raise BadInput(
            f"the training batches of {whose} cannot be used: {type(exc).__name__}: {said[0][:300] if said else ''}",
            hint="docs/how-to/quantization-aware-training.md shows how they are made",
        ) from exc


def _compared(
    prepared: Prepared, tuned: ModelSource, program: Path, artifacts: Path, progress: Progress
) -> tuple[Row, ...]:
    # Those that read and export graphs take 0.3 s to import.
    from orchestrator.make.export.exporter import Exporter
    from orchestrator.make.export.parity import check_parity
    from orchestrator.make.export.reference_output import reference_of

    calibration = calibration_of(prepared)
    sources = {TRAINED: prepared.source, TUNED: tuned}
    exporters = {name: Exporter(source, artifacts, calibration) for name, source in sources.items()}
    progress.stage("comparing on the test split", steps=len(_COMPARED) + 1)
    rows, made = [], {}
    for weights, recipe in _COMPARED:
        progress.step(f"{recipe}, {weights}")
        made[weights, recipe] = artifact = exporters[weights].export(recipe)
        rows.append(_row(prepared, weights, str(recipe), artifact.path, artifact.contract, artifact.parity))
    progress.step(f"{EXECUTORCH_INT8}, as it was learned")
    contract = tuned.contract_of(EXECUTORCH_INT8.format)
    reference = reference_of(made[TUNED, ONNX_FP32].path, contract, _some_audio(prepared))
    parity = check_parity(reference, program, EXECUTORCH_INT8.precision)
    learned = _row(prepared, TUNED, LEARNED, program, contract, parity)
    return (*rows[:2], learned, *rows[2:])


def _some_audio(prepared: Prepared) -> list[NDArray[np.int16]]:
    """Of the calibration split, as parity takes it; of the test split where there is none."""
    evaluation = prepared.needed_evaluation()
    utterances = evaluation.utterances_of("calibration") or evaluation.utterances_of(_SPLIT)
    return [evaluation.samples(u) for u in utterances[:_PROVEN_ON]]


def _row(
    prepared: Prepared, weights: str, graph: str, path: Path, contract: StreamContract, parity: Parity | None
) -> Row:
    evaluation = prepared.needed_evaluation()
    decoded = heard(path, contract, evaluation, _SPLIT)
    found = score(path.name, graph, contract, evaluation, _SPLIT, decoded)
    if not isinstance(found, Score):
        raise BadInput(found.reason, hint="name a decoder in its contract.json")
    errors, count = (sum(getattr(item, of) for item in found.items) for of in ("errors", "count"))
    snr_db = parity.snr_db if parity else None
    return Row(weights, graph, found.metric, found.value, errors, count, snr_db, path.stat().st_size, path)
