"""``earshot cancel``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="ORDER|JOB...")
@results_option
@json_option
def cancel(names: tuple[str, ...], results: Path, as_json: bool) -> None:
    """Take orders or jobs back: what waits never begins, and who runs one lets it go.

    What was measured stays in the ledger. An export that another order needs goes on. The session that a device runs
    just now ends when its next one begins.

    \b
    earshot cancel 261122-021939-2271
    earshot cancel 261122-021939-2271-b3dd91-paced-1-0
    """
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.workflows.farm import cancel as farm_cancel
    from orchestrator.workflows.farm.order import login_name

    with Ledger.open(results / "ledger.db", create=False) as farm:
        told = farm_cancel.cancel(farm, names, login_name())
    if as_json:
        print_json(told)
        return
    words = {
        farm_cancel.ENDING: "runs: its worker lets it go",
        farm_cancel.NEEDED: "goes on: another order needs it",
        farm_cancel.OVER: "had ended before",
    }
    counts: dict[str, int] = {}
    for state in told.values():
        counts[state] = counts.get(state, 0) + 1
    print_table(["jobs>", "what became of them"], [[str(n), words.get(state, state)] for state, n in counts.items()])
