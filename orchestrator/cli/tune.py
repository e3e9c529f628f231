"""``earshot tune``"""

from pathlib import Path

import click

from orchestrator.cli.decision import print_decision, selection_options
from orchestrator.cli.isolation import isolate_option
from orchestrator.cli.options import (
    deadline_option,
    device_option,
    environment_option,
    json_option,
    lab_option,
    quiet_device_option,
    results_option,
    session_option,
    wait_option,
)
from orchestrator.cli.output import print_json
from orchestrator.cli.progress import TerminalProgress
from orchestrator.decide.search.registry import STRATEGIES
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.recipe import Recipe
from orchestrator.workflows.noise_note import noise_note
from orchestrator.workflows.option_axis import SessionOption
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import TuneOutcome
from orchestrator.workflows.tune import tune as run_tune


@click.command()
@click.argument("model")
@device_option
@lab_option
@wait_option
@quiet_device_option
@environment_option
@results_option
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    metavar="RECIPE",
    help="Try only these, for example 'onnx:int8-qdq(activation=u8)'; the fp32 default is always there.",
)
@click.option("--threads", multiple=True, type=click.IntRange(min=1), help="Try every artifact with these.")
@click.option(
    "--clusters",
    metavar="NAMES",
    help="Try everything held to these cores too: all, or little, big, prime with commas between them.",
)
@isolate_option
@session_option
@click.option("--chunk-ms", type=float, help="Chunk duration; the model's own by default.")
@selection_options
@click.option(
    "--budget-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=4.0,
    show_default=True,
    help="Device time to spend; more gives narrower intervals.",
)
@click.option(
    "--paced-seconds", type=float, default=5.0, show_default=True, help="Length of a paced session, in audio."
)
@deadline_option
@click.option(
    "--strategy", type=click.Choice(STRATEGIES), default="racing", show_default=True, help="Who is measured next."
)
@click.option(
    "--finalists",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="At most so many that may still be the best are raced beside the default.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Order of the interleaved sessions.")
@click.option(
    "--allow-suspect",
    is_flag=True,
    help="Let sessions count that something disturbed, on a device that is never left alone.",
)
@click.option("--fresh", is_flag=True, help="Start anew instead of going on with an interrupted study.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress.")
def tune(
    model: str,
    device: str,
    lab: Path | None,
    wait_s: float,
    quiet_device: bool,
    environment: str | None,
    results: Path,
    recipes: tuple[str, ...],
    threads: tuple[int, ...],
    clusters: str | None,
    isolate: tuple[str, ...] | None,
    options: tuple[str, ...],
    chunk_ms: float | None,
    objective: Objective,
    constraints: Constraints,
    budget_minutes: float,
    paced_seconds: float,
    deadline_ms: float | None,
    strategy: str,
    finalists: int,
    seed: int,
    allow_suspect: bool,
    fresh: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the configuration of MODEL that wins on a device.

    Exports the candidates, pushes them with the agent, runs paced and flat-out streaming sessions interleaved over
    every usable execution provider, gates them on quality, chooses, re-exports the winner and verifies it on the
    device in fresh sessions. Interrupt it at any time: the same command goes on where it was.

    Where the lab file gives the device several Python environments, their providers are all tried; --environment
    limits it to one. --option, given again for each value, is tried with each candidate that it fits.

    \b
    earshot tune kws
    earshot tune kws --max-p99-ms 20 --max-quality-loss 0.01 --minimize memory
    earshot tune digits-lstm --device pi5 --lab lab.toml --json
    earshot tune kws --option allow_spinning=0 --option ep.disable_dynamic_shapes=true
    earshot tune kws --device any:pixel-8 --lab lab.toml --wait 30m
    earshot tune kws --device pixel-8 --lab lab.toml --clusters all
    """
    settings = TuneSettings(
        model=model,
        device=device,
        lab=lab,
        results=results,
        recipes=tuple(Recipe.parse(text) for text in recipes),
        threads=threads,
        options=tuple(SessionOption.parse(text) for text in options),
        chunk_ms=chunk_ms,
        objective=objective,
        constraints=constraints,
        budget_s=budget_minutes * 60,
        paced_s=paced_seconds,
        strategy=strategy,
        finalists=finalists,
        seed=seed,
        fresh=fresh,
        wait_s=wait_s,
        quiet_device=quiet_device,
        environment=environment,
        allow_suspect=allow_suspect,
        deadline_ms=deadline_ms,
        clusters=tuple(name.strip() for name in (clusters or "").split(",") if name.strip()),
        isolate=isolate,
    )
    if quiet:
        outcome = run_tune(settings, Silent())
    else:
        with TerminalProgress() as progress:
            outcome = run_tune(settings, progress)
    if as_json:
        print_json(_as_json(outcome))
    else:
        print_decision(outcome.decision, noise_note(outcome.ledger, outcome.decision))
        _print_places(outcome)
    if outcome.decision.verdict == "infeasible":
        raise SystemExit(7)


def _as_json(outcome: TuneOutcome) -> dict[str, object]:
    return {
        "decision": outcome.decision,
        "report": str(outcome.report),
        "ledger": str(outcome.ledger),
        "bundle": str(outcome.bundle) if outcome.bundle else None,
        "resumed": outcome.resumed,
    }


def _print_places(outcome: TuneOutcome) -> None:
    click.echo(f"report  {outcome.report}")
    if outcome.bundle:
        click.echo(f"bundle  {outcome.bundle}")
    click.echo(f"ledger  {outcome.ledger}")
