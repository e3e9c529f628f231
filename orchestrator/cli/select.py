"""``earshot select``"""

from pathlib import Path

import click

from agents.strict_json import to_json
from orchestrator.cli.decision import print_decision, selection_options
from orchestrator.cli.heat import print_heat
from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.decide.selection.constraints import Constraints, Objective
from orchestrator.workflows.again import decide_again
from orchestrator.workflows.heat import heat_for
from orchestrator.workflows.noise_note import noise_note


@click.command()
@click.argument("study", required=False)
@results_option
@selection_options
@json_option
def select(study: str | None, results: Path, objective: Objective, constraints: Constraints, as_json: bool) -> None:
    """Decide anew from what the ledger holds, with other constraints; measures nothing and changes nothing.

    STUDY is the newest one by default. Beside the decision it says who wins while the device is cold and who once it is
    hot, where candidates have sustained sessions there (earshot run MODEL --recipe RECIPE --mode sustained).
    """
    decision = decide_again(results, study, objective, constraints)
    ledger = results / "ledger.db"
    heat = heat_for(ledger, decision)
    if as_json:
        print_json({**to_json(decision), "heat": {"absent": heat} if isinstance(heat, str) else heat})
    else:
        print_decision(decision, noise_note(ledger, decision))
        print_heat(heat)
    if decision.verdict == "infeasible":
        raise SystemExit(7)
