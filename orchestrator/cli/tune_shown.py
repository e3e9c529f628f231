"""What ``earshot tune`` prints: its plan, its outcome, and one outcome for each device model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli.decision import print_decision
from orchestrator.cli.output import print_json, print_table
from orchestrator.workflows.noise_note import noise_note

if TYPE_CHECKING:
    from orchestrator.workflows.search_space import Pruned
    from orchestrator.workflows.tune import TuneOutcome
    from orchestrator.workflows.tune_plan import TunePlan
    from orchestrator.workflows.tune_several import ModelOutcome


def print_plans(plans: Sequence["TunePlan"], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "device": plan.device,
                    "device_model": plan.device_model,
                    "candidates": [{"key": c.key, "label": c.label} for c in plan.space.candidates],
                    "pruned": list(plan.space.pruned),
                }
                for plan in plans
            ]
        )
        return
    for plan in plans:
        click.secho(f"{plan.device} ({plan.device_model}): {len(plan.space.candidates)} candidates", bold=True)
        print_table(
            ["candidate", "runtime"], [[candidate.label, candidate.runtime] for candidate in plan.space.candidates]
        )
        _print_pruned(plan.space.pruned)


def print_outcome(outcome: "TuneOutcome", as_json: bool) -> None:
    if as_json:
        print_json(as_plain(outcome))
        return
    print_decision(outcome.decision, noise_note(outcome.ledger, outcome.decision))
    for spread in outcome.spread:
        click.echo(f"units   {spread.sentence}")
    for one in outcome.rounds.rounds if outcome.rounds else ():
        click.echo(f"round {one.number} {one.verdict}")
    if outcome.pruned:
        click.echo(f"space   {len(outcome.pruned)} branches were not tried: earshot tune ... --plan says why")
    click.echo(f"report  {outcome.report}")
    if outcome.bundle:
        click.echo(f"bundle  {outcome.bundle}")
    click.echo(f"ledger  {outcome.ledger}")


def print_several(outcomes: Sequence["ModelOutcome"], as_json: bool) -> None:
    if as_json:
        print_json([_model_as_plain(one) for one in outcomes])
        return
    for one in outcomes:
        click.secho(f"{one.device_model}: {', '.join(one.units)}", bold=True)
        if one.outcome is not None:
            print_outcome(one.outcome, as_json=False)
        elif one.error is not None:
            click.echo(f"failed  {one.error.message}" + (f" ({one.error.hint})" if one.error.hint else ""))
        click.echo()


def as_plain(outcome: "TuneOutcome") -> dict[str, object]:
    return {
        "decision": outcome.decision,
        "report": str(outcome.report),
        "ledger": str(outcome.ledger),
        "bundle": str(outcome.bundle) if outcome.bundle else None,
        "resumed": outcome.resumed,
        "pruned": list(outcome.pruned),
        "first_looks": list(outcome.first_looks),
        "units": list(outcome.spread),
        "rounds": outcome.rounds,
    }


def _model_as_plain(one: "ModelOutcome") -> dict[str, object]:
    error = None if one.error is None else {"message": one.error.message, "next": one.error.hint}
    told = as_plain(one.outcome) if one.outcome else {}
    return {"device_model": one.device_model, "devices": list(one.units), "error": error, **told}


def _print_pruned(pruned: Sequence["Pruned"]) -> None:
    click.echo()
    print_table(["not tried", "", "because"], [[one.axis, one.what, one.reason] for one in pruned])
    click.echo()
