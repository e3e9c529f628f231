"""``earshot select``"""

from pathlib import Path

import click

from orchestrator.cli.decision import print_decision, selection_options
from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.decide.selection.constraints import Constraints, Objective
from orchestrator.workflows.again import decide_again
from orchestrator.workflows.noise_note import noise_note


@click.command()
@click.argument("study", required=False)
@results_option
@selection_options
@json_option
def select(study: str | None, results: Path, objective: Objective, constraints: Constraints, as_json: bool) -> None:
    """Decide anew from what the ledger holds, with other constraints; measures nothing and changes nothing.

    STUDY is the newest one by default.
    """
    decision = decide_again(results, study, objective, constraints)
    if as_json:
        print_json(decision)
    else:
        print_decision(decision, noise_note(results / "ledger.db", decision))
    if decision.verdict == "infeasible":
        raise SystemExit(7)
