"""``earshot select``"""

from pathlib import Path

import click

from agents.strict_json import to_json
from orchestrator.cli.decision import print_decision, selection_options
from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.preset import preset_text, presets
from orchestrator.workflows.again import decide_again
from orchestrator.workflows.heat import heat_for
from orchestrator.workflows.noise_note import noise_note


@click.command()
@click.argument("study", required=False)
@results_option
@selection_options
@click.option(
    "--presets", "show_presets", is_flag=True, help="Show the presets that come with Earshot, and decide nothing."
)
@json_option
def select(
    study: str | None,
    results: Path,
    objective: Objective,
    constraints: Constraints,
    show_presets: bool,
    as_json: bool,
) -> None:
    """Decide anew from what the ledger holds, with other constraints; measures nothing and changes nothing.

    STUDY is the newest one by default. Beside the decision it says who wins while the device is cold and who once it is
    hot, where candidates have sustained sessions there (earshot run MODEL --recipe RECIPE --mode sustained).

    \b
    earshot select --max-p99-ms 20 --minimize memory
    earshot select --weigh latency=2,energy=1 --min-streams 4
    earshot select --goal size:percent-min-improvement=50 --goal accuracy:max-degradation=0.02
    earshot select --preset wake-word --minimize rtf
    """
    if show_presets:
        _show_presets(as_json)
        return
    decision = decide_again(results, study, objective, constraints)
    ledger = results / "ledger.db"
    heat = heat_for(ledger, decision)
    if as_json:
        print_json({**to_json(decision), "heat": {"absent": heat} if isinstance(heat, str) else heat})
    else:
        print_decision(decision, noise_note(ledger, decision), heat)
    if decision.verdict == "infeasible":
        raise SystemExit(7)


def _show_presets(as_json: bool) -> None:
    """The files themselves, which are what an own one is begun with."""
    if as_json:
        print_json({name: {"says": request.says, "file": preset_text(name)} for name, request in presets().items()})
        return
    for name in presets():
        click.secho(f"# --preset {name}", bold=True)
        click.echo(preset_text(name))
