"""``earshot submit export``"""

from pathlib import Path

import click

from orchestrator.cli.models.train import EPOCHS, RATE, STEPS_IN_EPOCH
from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.submit.options import deadline_option, priority_option, user_option, wait_option
from orchestrator.domain.job import INTERACTIVE
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput


@click.command()
@click.argument("model")
@click.option("--recipe", "recipes", multiple=True, help="Again for each of several.")
@click.option(
    "--qat", is_flag=True, help="Fine-tune first with int8's rounding in the graph; exports take those weights."
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help=f"With --qat, of {STEPS_IN_EPOCH} batches; {EPOCHS} by default."
)
@click.option("--rate", type=float, help=f"With --qat, the highest learning rate; {RATE:g} by default.")
@click.option("--anew", is_flag=True, help="Also what the farm has made before.")
@priority_option(INTERACTIVE)
@deadline_option
@user_option
@wait_option
@results_option
@json_option
def export(
    model: str,
    recipes: tuple[str, ...],
    qat: bool,
    epochs: int | None,
    rate: float | None,
    anew: bool,
    priority: int,
    deadline_utc_s: float | None,
    user: str | None,
    wait: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Make artifacts of MODEL on whichever host has the exporters; sessions order theirs by themselves.

    The same model, recipe and calibration audio is made once in the whole farm, whoever asks. With --qat the model is
    fine-tuned as a job of its own, once too, on a host that has torch. --wait tells what the learned weights are
    called, and recipes of later orders may name them: onnx:int8-qdq(weights=NAME).

    \b
    earshot submit export kws --recipe onnx:int8-qdq --recipe executorch:int8-static --wait
    earshot submit export kws --qat --recipe 'onnx:int8-qdq(activation=s8,granularity=channel)' --wait
    """
    from orchestrator.cli.submit.shown import show_submitted
    from orchestrator.workflows.farm.export_order import submit_export
    from orchestrator.workflows.farm.learn import Course
    from orchestrator.workflows.farm.order import Asked, login_name

    if not recipes and not qat:
        raise BadInput("nothing says what to make", hint="--recipe onnx:int8-qdq, or --qat")
    if not qat and (epochs or rate):
        raise BadInput("--epochs and --rate are of a fine-tuning", hint="add --qat")
    course = Course((epochs or EPOCHS) * STEPS_IN_EPOCH, RATE if rate is None else rate) if qat else None
    wanted = tuple(dict.fromkeys(Recipe.parse(text) for text in recipes))
    asked = Asked(user or login_name(), priority, deadline_utc_s)
    show_submitted(submit_export(results, model, wanted, anew, asked, course), results, wait, as_json)
