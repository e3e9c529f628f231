"""``earshot submit run``"""

from pathlib import Path

import click

from orchestrator.cli.options import environment_option, json_option, results_option
from orchestrator.cli.submit.options import deadline_option, priority_option, user_option, wait_option
from orchestrator.domain.job import INTERACTIVE
from orchestrator.domain.recipe import Recipe


@click.command()
@click.argument("model")
@click.option("--devices", required=True, metavar="LIST", help="Names, tag:TAG, any:TAG or all, with commas.")
@click.option(
    "--recipe", "recipes", multiple=True, default=("onnx:fp32",), show_default=True, help="Again for each of several."
)
@click.option("--ep", "providers", multiple=True, help="Execution provider, such as CPU; again for each of several.")
@click.option("--threads", multiple=True, type=click.IntRange(min=1), default=(1,), show_default=True)
@environment_option
@click.option("--mode", type=click.Choice(["paced", "flat-out"]), default="paced", show_default=True)
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Audio of each session; it is looped.")
@click.option(
    "--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Sessions of each configuration, in turns."
)
@click.option("--quality", is_flag=True, help="Score each configuration on the whole evaluation set, once a device.")
@priority_option(INTERACTIVE)
@deadline_option
@user_option
@wait_option
@results_option
@json_option
def run(
    model: str,
    devices: str,
    recipes: tuple[str, ...],
    providers: tuple[str, ...],
    threads: tuple[int, ...],
    environment: str | None,
    mode: str,
    seconds: float,
    runs: int,
    quality: bool,
    priority: int,
    deadline_utc_s: float | None,
    user: str | None,
    wait: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Measure MODEL on devices of the farm: every recipe, provider and number of threads, in turns on each device.

    \b
    earshot submit run kws --devices tag:pi --recipe onnx:fp32 --recipe onnx:int8-dynamic --runs 5
    earshot submit run kws --devices pi5,pixel-8 --mode flat-out --quality --wait
    earshot submit run kws --devices all --nightly --deadline 06:00
    """
    from orchestrator.cli.submit.shown import show_submitted
    from orchestrator.workflows.farm.order import Asked, login_name
    from orchestrator.workflows.farm.submit import RunWish, submit_run

    wish = RunWish(
        model,
        devices,
        tuple(dict.fromkeys(Recipe.parse(text) for text in recipes)),
        tuple(dict.fromkeys(providers)) or (None,),
        tuple(dict.fromkeys(threads)),
        environment,
        mode,
        seconds,
        runs,
        quality,
    )
    submitted = submit_run(results, wish, Asked(user or login_name(), priority, deadline_utc_s))
    show_submitted(submitted, results, wait, as_json)
