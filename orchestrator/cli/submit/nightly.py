"""``earshot submit nightly``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.submit.options import user_option, wait_option


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@user_option
@wait_option
@results_option
@json_option
def nightly(plan: Path, user: str | None, wait: bool, results: Path, as_json: bool) -> None:
    """Measure PLAN, a file as `earshot nightly` reads it, on the farm's devices tonight.

    Each session is a job of its own, so that what somebody waits for goes between two of them. What has not begun by
    noon UTC never does; what is missing then stands in the night's record. `earshot regressions` judges the night.

    \b
    earshot submit nightly desk.toml
    0 22 * * *  earshot submit nightly /srv/desk.toml --results /srv/farm    (cron)
    """
    from orchestrator.cli.submit.shown import show_submitted
    from orchestrator.workflows.farm.nightly import submit_nightly
    from orchestrator.workflows.farm.order import login_name

    show_submitted(submit_nightly(results, plan, user or login_name()), results, wait, as_json)
