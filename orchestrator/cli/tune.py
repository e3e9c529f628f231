"""``earshot tune``"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click

from orchestrator.cli.decision import selection_options
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
    user_words_option,
    wait_option,
)
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.tune_shown import print_outcome, print_plans, print_several
from orchestrator.decide.search.registry import STRATEGIES
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.recipe import Recipe
from orchestrator.workflows.option_axis import SessionOption
from orchestrator.workflows.progress import FleetProgress, Silent
from orchestrator.workflows.settings import DEFAULT_QAT_STEPS, DEFAULT_ROUNDS, TuneSettings
from orchestrator.workflows.tune import tune as run_tune
from orchestrator.workflows.tune_plan import plan_tune
from orchestrator.workflows.tune_several import tune_several


@click.command()
@click.argument("model")
@device_option
@click.option(
    "--devices",
    metavar="NAMES",
    help="Several devices at once: names, tag:TAG, any:TAG, all. Units of one device model share a study.",
)
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
@user_words_option
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
@click.option(
    "--rounds",
    type=click.IntRange(min=0),
    default=DEFAULT_ROUNDS,
    show_default=True,
    help="Rounds of re-export, at most; 0: race only what is there.",
)
@click.option(
    "--qat-steps",
    type=click.IntRange(min=0),
    default=DEFAULT_QAT_STEPS,
    show_default=True,
    help="Where no recipe mends int8: batches from which weights learn to be rounded, in a round of its own. Needs"
    " torch, and a model that has batches; 0: never.",
)
@click.option(
    "--sustained-minutes",
    type=click.FloatRange(min=0),
    default=0.0,
    help="In the end so many minutes of the winner without a pause, which --max-sustained is held against.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Order of the interleaved sessions.")
@click.option(
    "--allow-suspect",
    is_flag=True,
    help="Let sessions count that something disturbed, on a device that is never left alone.",
)
@click.option("--plan", is_flag=True, help="Say what would be tried and what not, and why; measure nothing.")
@click.option("--fresh", is_flag=True, help="Start anew instead of going on with an interrupted study.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def tune(
    context: click.Context,
    model: str,
    device: str,
    devices: str | None,
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
    user_words: Path | None,
    objective: Objective,
    constraints: Constraints,
    budget_minutes: float,
    paced_seconds: float,
    deadline_ms: float | None,
    strategy: str,
    finalists: int,
    rounds: int,
    qat_steps: int,
    sustained_minutes: float,
    seed: int,
    allow_suspect: bool,
    plan: bool,
    fresh: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the configuration of MODEL that wins on a device.

    Exports the candidates and pushes them with the agent. A first race of short sessions, flat out, ends when the rest
    cannot be the best any more; those that may be and hold their quality are raced in the field's own pace beside the
    default, until the decision is clear. What wins is exported again, and verified in fresh sessions; what does not
    repeat goes back to the race. Interrupt it at any time: the same command goes on where it was, and until then
    `earshot select` says what can be said.

    Where the lab file gives the device several Python environments, their providers are all tried; --environment
    limits it to one. --option, given again for each value, is tried with each candidate that it fits.

    \b
    earshot tune kws
    earshot tune kws --plan
    earshot tune kws --max-p99-ms 20 --max-quality-loss 0.01 --minimize memory
    earshot tune digits-lstm --device pi5 --lab lab.toml --json
    earshot tune kws --option allow_spinning=0 --option ep.disable_dynamic_shapes=true
    earshot tune kws --device any:pixel-8 --lab lab.toml --wait 30m
    earshot tune kws --devices tag:pixel-8 --lab lab.toml --sustained-minutes 15 --max-sustained 1.2
    earshot tune kws --device pixel-8 --lab lab.toml --clusters all
    """
    if devices is not None and context.get_parameter_source("device") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--device is for one device, --devices for several: give one of them")
    settings = TuneSettings(
        model=model,
        device=device,
        lab=lab,
        results=results,
        recipes=tuple(Recipe.parse(text) for text in recipes),
        threads=threads,
        options=tuple(SessionOption.parse(text) for text in options),
        chunk_ms=chunk_ms,
        user_words=user_words,
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
        rounds=rounds,
        qat_steps=qat_steps,
        sustained_minutes=sustained_minutes,
    )
    with nullcontext(Silent()) if quiet else TerminalProgress() as progress:
        shown, infeasible = _run(settings, devices, plan, progress)
    shown(as_json)
    if infeasible:
        raise SystemExit(7)


def _run(
    settings: TuneSettings, devices: str | None, plan: bool, progress: FleetProgress
) -> tuple[Callable[[bool], None], bool]:
    """What prints the outcome, and whether nothing could be recommended."""
    if plan:
        plans = plan_tune(settings, devices or settings.device, progress)
        return partial(print_plans, plans), False
    if devices is None:
        outcome = run_tune(settings, progress)
        return partial(print_outcome, outcome), outcome.decision.verdict == "infeasible"
    outcomes = tune_several(settings, devices, progress)
    failed = [one.error for one in outcomes if one.error is not None]
    if len(failed) == len(outcomes):
        raise failed[0]
    return partial(print_several, outcomes), any(
        one.outcome is None or one.outcome.decision.verdict == "infeasible" for one in outcomes
    )
