"""``earshot submit export``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.submit.options import deadline_option, priority_option, user_option, wait_option
from orchestrator.domain.job import INTERACTIVE
from orchestrator.domain.recipe import Recipe


@click.command()
@click.argument("model")
@click.option("--recipe", "recipes", multiple=True, required=True, help="Again for each of several.")
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
    anew: bool,
    priority: int,
    deadline_utc_s: float | None,
    user: str | None,
    wait: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Make artifacts of MODEL on whichever host has the exporters; sessions order theirs by themselves.

    The same model, recipe and calibration audio is made once in the whole farm, whoever asks.

    \b
    earshot submit export kws --recipe onnx:int8-qdq --recipe executorch:int8-static --wait
    """
    from orchestrator.cli.submit.shown import show_submitted
    from orchestrator.workflows.farm_export_order import submit_export
    from orchestrator.workflows.farm_order import Asked, login_name

    wanted = tuple(dict.fromkeys(Recipe.parse(text) for text in recipes))
    asked = Asked(user or login_name(), priority, deadline_utc_s)
    show_submitted(submit_export(results, model, wanted, anew, asked), results, wait, as_json)
