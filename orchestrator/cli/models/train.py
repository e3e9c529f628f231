"""``earshot models train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.workflows.quantization_aware import Outcome, Row

# Of the fine-tuning.
STEPS_IN_EPOCH, EPOCHS, RATE = 50, 4, 1e-4
# One batch is easier than another: so many losses are averaged.
_SOME = 10


@click.command()
@click.argument("model")
@click.option("--qat", is_flag=True, help="Fine-tune with int8's rounding in the graph, and compare what it gained.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help=f"Of {STEPS_IN_EPOCH} batches with --qat ({EPOCHS} by default), else those of the model's training script.",
)
@click.option("--rate", type=float, help=f"Highest learning rate; {RATE:g} with --qat, else the training script's.")
@click.option("--lessons", metavar="FILE.PY:FUNCTION", help="Gives batches for a model that names none itself.")
@click.option("--threads", type=click.IntRange(min=1), help="Of the training; 1 with --qat.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for what is made.")
@results_option
@json_option
def train(
    model: str,
    qat: bool,
    epochs: int | None,
    rate: float | None,
    lessons: str | None,
    threads: int | None,
    out: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Train MODEL, or fine-tune its trained weights for int8 (--qat). Needs torch: pip install 'earshot[export]'.

    With --qat weights.safetensors (float) and model.pte (int8, ExecuTorch) are written into the folder, by default
    RESULTS/trained/MODEL-qat, and a table shows the task's metric on the test split for fp32, for int8 made after
    training, and for int8 that was learned.

    \b
    earshot models train kws --qat
    earshot models train digits-quartznet --qat --epochs 8
    earshot models train my-model --qat --lessons my_model.py:lessons
    earshot models train kws --out new-weights
    """
    from orchestrator.workflows.settings import require_results

    require_results(results)
    folder = out or results / "trained" / (f"{model}-qat" if qat else model)
    if not qat:
        _from_scratch(model, epochs, rate, threads, lessons, folder, as_json)
        return
    steps = (epochs or EPOCHS) * STEPS_IN_EPOCH
    rate = RATE if rate is None else rate
    outcome = _fine_tuned(model, steps, rate, threads or 1, lessons, folder, results)
    if as_json:
        print_json(outcome)
        return
    _print(outcome)


def _fine_tuned(
    model: str, steps: int, rate: float, threads: int, lessons: str | None, folder: Path, results: Path
) -> "Outcome":
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.prepare import prepare_model, trained_folder
    from orchestrator.workflows.quantization_aware import Plan, quantization_aware

    plan = Plan(steps, rate, folder, threads=threads, lessons=lessons)
    prepared = prepare_model(model, results / "models")
    with TerminalProgress() as progress:
        return quantization_aware(
            prepared, plan, results / "artifacts", trained_folder(results / "models", prepared.source.name), progress
        )


def _print(outcome: "Outcome") -> None:
    metric = outcome.rows[0].metric
    print_table(
        ["weights", "graph", f"{metric}>", "wrong>", "SNR dB>", "size kB>"], [_cells(row) for row in outcome.rows]
    )
    first, last = (sum(some) / len(some) for some in (outcome.losses[:_SOME], outcome.losses[-_SOME:]))
    click.echo(
        f"{outcome.steps} steps in {outcome.fine_tuning_s:.0f} s, mean loss of the first and last {_SOME}: "
        f"{first:.3f}, {last:.3f}\nfiles: {', '.join(str(path) for path in outcome.files)}\n"
        f"in recipes: weights={outcome.weights}"
    )


def _cells(row: "Row") -> list[str]:
    snr = "exact" if row.snr_db is None else f"{row.snr_db:.1f}"
    wrong = f"{row.errors:.0f} of {row.count:.0f}"
    return [row.weights, row.graph, f"{row.value:.4f}", wrong, snr, f"{row.size_bytes / 1e3:.0f}"]


def _from_scratch(
    model: str,
    epochs: int | None,
    rate: float | None,
    threads: int | None,
    lessons: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    from orchestrator.workflows.training import train_from_scratch

    if lessons:
        raise BadInput("--lessons is for --qat: training from scratch is the model's own script", hint="add --qat")
    weights = train_from_scratch(model, folder, epochs=epochs, rate=rate, threads=threads)
    if as_json:
        print_json({"model": model, "weights": weights})
    else:
        click.echo(f"weights: {weights}")
