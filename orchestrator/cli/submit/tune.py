"""``earshot submit tune``"""

from pathlib import Path

import click

from orchestrator.cli.decision import selection_options
from orchestrator.cli.options import environment_option, json_option, results_option
from orchestrator.cli.submit.options import deadline_option, priority_option, user_option, wait_option
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.job import INTERACTIVE
from orchestrator.workflows.settings import DEFAULT_ROUNDS


@click.command()
@click.argument("model")
@click.option("--devices", required=True, metavar="LIST", help="Names, tag:TAG, any:TAG or all, with commas.")
@click.option("--one-per-model", is_flag=True, help="Of devices of one model only the one with the least before it.")
@click.option("--recipe", "recipes", multiple=True, help="Try only these; the fp32 default is always there.")
@click.option("--threads", multiple=True, type=click.IntRange(min=1), help="Try every artifact with these.")
@selection_options
@click.option(
    "--budget-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=4.0,
    show_default=True,
    help="Device time to spend on each device.",
)
@click.option("--paced-seconds", type=float, default=5.0, show_default=True, help="Length of a paced session.")
@click.option("--finalists", type=click.IntRange(min=1), default=4, show_default=True, help="Raced at most.")
@click.option("--rounds", type=click.IntRange(min=0), default=DEFAULT_ROUNDS, show_default=True, help="Of re-export.")
@click.option("--seed", type=int, default=0, show_default=True, help="Order of the interleaved sessions.")
@click.option("--allow-suspect", is_flag=True, help="Let sessions count that something disturbed.")
@environment_option
@priority_option(INTERACTIVE)
@deadline_option
@user_option
@wait_option
@results_option
@json_option
def tune(
    model: str,
    devices: str,
    one_per_model: bool,
    recipes: tuple[str, ...],
    threads: tuple[int, ...],
    objective: Objective,
    constraints: Constraints,
    budget_minutes: float,
    paced_seconds: float,
    finalists: int,
    rounds: int,
    seed: int,
    allow_suspect: bool,
    environment: str | None,
    priority: int,
    deadline_utc_s: float | None,
    user: str | None,
    wait: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Find the configuration of MODEL that wins, as `earshot tune` does: a search of its own on each device.

    A search is one job: its device is taken until it is done. Exports are made at the device's site. The decision comes
    to the farm's ledger, where `earshot report` and `earshot select` find it.

    \b
    earshot submit tune kws --devices pi5 --wait
    earshot submit tune kws --devices tag:phone --one-per-model --nightly --max-p99-ms 20
    """
    from orchestrator.cli.submit.shown import show_submitted
    from orchestrator.workflows.farm.order import Asked, login_name
    from orchestrator.workflows.farm.tune import TuneWish, submit_tune

    wish = TuneWish(
        model,
        recipes,
        threads,
        objective,
        constraints,
        budget_minutes * 60.0,
        paced_seconds,
        rounds,
        finalists,
        seed,
        environment,
        allow_suspect,
    )
    asked = Asked(user or login_name(), priority, deadline_utc_s)
    show_submitted(submit_tune(results, wish, devices, one_per_model, asked), results, wait, as_json)
