"""``earshot devices collect``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name", default="local")
@click.argument("session_ids", nargs=-1, metavar="[SESSION]...")
@lab_option
@results_option
@json_option
def collect(name: str, session_ids: tuple[str, ...], lab: Path | None, results: Path, as_json: bool) -> None:
    """Put the sessions that ended on a device into a ledger: all of them, or those named.

    For the sessions of a controller that is gone: a broken laptop, a deleted folder. What ended well is deleted on the
    device afterwards. A session that still runs is left alone: collect it later.

    \b
    earshot devices collect pi5 --lab lab.toml --results earshot-results
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.collect import collect as collect_from
    from orchestrator.workflows.prepare import deploy_agent

    with TerminalProgress() as progress:
        agent, _ = deploy_agent(find_device(load_lab(lab), name), progress)
        with agent.transport:
            done = collect_from(agent, results, session_ids)
    if as_json:
        print_json(done)
        return
    print_table(
        ["session", "what", "outcome", "why"],
        [[c.session_id, c.what, c.outcome or "-", c.reason or ""] for c in done],
    )
