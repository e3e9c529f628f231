"""``earshot compare``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.strict_json import to_json
from orchestrator.cli.isolation import isolate_option
from orchestrator.cli.options import (
    deadline_option,
    device_option,
    environment_option,
    json_option,
    lab_option,
    quiet_device_option,
    results_option,
    wait_option,
)
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.errors import BadInput, Incomparable

if TYPE_CHECKING:
    from orchestrator.decide.comparison.compare import Comparison
    from orchestrator.decide.comparison.effect import Effect

# What only means something when something is measured.
_MEASURING = (
    "device", "lab", "wait_s", "quiet_device", "isolate", "environment",
    "runs", "seconds", "seed", "deadline_ms", "duet",
)  # fmt: skip


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="A B | MODEL RECIPE_A RECIPE_B")
@click.option(
    "--mode", type=click.Choice(["paced", "flat-out"]), help="paced by default, where there is such a session."
)
@click.option("--effect", "wanted", type=float, default=0.05, show_default=True, help="The smallest that matters.")
@click.option("--force", is_flag=True, help="Compare what was not measured alike; the result is marked.")
@click.option("--runs", type=int, default=6, show_default=True, help="Fresh processes of each, to measure now.")
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Audio per run; 15 gives each run a p99.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order.")
@deadline_option
@click.option("--duet", is_flag=True, help="Run both at the same time: only their ratio is shown.")
@device_option
@lab_option
@wait_option
@quiet_device_option
@isolate_option
@environment_option
@results_option
@json_option
@click.pass_context
def compare(
    context: click.Context,
    what: tuple[str, ...],
    mode: str | None,
    wanted: float,
    force: bool,
    runs: int,
    seconds: float,
    seed: int,
    deadline_ms: float | None,
    duet: bool,
    device: str,
    lab: Path | None,
    wait_s: float,
    quiet_device: bool,
    isolate: tuple[str, ...] | None,
    environment: str | None,
    results: Path,
    as_json: bool,
) -> None:
    """Compare B with A over independent runs, or say why that cannot be done.

    With two arguments, from the ledger, and nothing is measured: a side is a session, several with commas, or
    STUDY:CANDIDATE, where the candidate is winner, default, a recipe or a key. What was not measured alike is refused
    (exit code 8) with the fields that differ.

    With three, both recipes are measured now on --device, in fresh processes, interleaved in a seeded, mirrored order.
    A recipe takes a provider, threads, and a cluster or CPUs after an @. Interrupted, the same command goes on where
    it was.

    \b
    earshot compare 20261121-101500-ab12:winner 20261121-101500-ab12:default
    earshot compare kws onnx:fp32 onnx:int8-dynamic --device pi5 --lab lab.toml --runs 10
    earshot compare kws onnx:fp32@threads=1 onnx:fp32@threads=2 --duet
    earshot compare kws onnx:fp32@cluster=little onnx:fp32@cluster=big --device pixel-8 --lab lab.toml
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.bench import BenchSettings, Choice
    from orchestrator.workflows.compare import compare_now, compare_recorded

    if len(what) not in (2, 3):
        raise click.UsageError(f"two sides of the ledger, or a model and two recipes, got {len(what)} arguments")
    if not 0.0 < wanted < 1.0:
        raise BadInput(f"--effect must be a share in 0..1, got {wanted:g}", hint="--effect 0.05 is 5 %")
    if len(what) == 2:
        _only_with(context, "a model and two recipes, which are measured", _MEASURING)
        try:
            found = compare_recorded(results, *what, mode=mode, wanted=wanted, force=force)
        except Incomparable as exc:
            _print_fields(exc, what, as_json)
            raise
    else:
        _only_with(context, "two sides of the ledger: what is measured now is measured alike", ("force",))
        choices = (Choice.parse(what[1]), Choice.parse(what[2]))
        settings = BenchSettings(
            "compare", what[0], choices, device, lab, results, mode or "paced", runs, seconds, seed, wait_s,
            quiet_device, environment, duet, deadline_ms, isolate,
        )  # fmt: skip
        with TerminalProgress() as progress:
            found = compare_now(settings, progress, wanted=wanted)
    if as_json:
        print_json({**to_json(found), "mark": found.mark})
    else:
        _print(found)


def _only_with(context: click.Context, what: str, names: tuple[str, ...]) -> None:
    default = click.core.ParameterSource.DEFAULT
    given = [name for name in names if context.get_parameter_source(name) is not default]
    if given:
        raise click.UsageError(f"--{given[0].removesuffix('_s').replace('_', '-')} goes with {what}")


def _print_fields(exc: Incomparable, what: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json(
            {"refused": exc.message, "unlike": [dict(zip(("name", "a", "b"), f, strict=True)) for f in exc.fields]}
        )
    else:
        print_table(["differs", f"A: {what[0]}", f"B: {what[1]}"], exc.fields)


def _print(found: "Comparison") -> None:
    click.echo(f"A: {found.a}\nB: {found.b}\n{found.mode} on {found.device}")
    if found.forced:
        print_table(["FORCED across", "A", "B"], [[each.name, each.a, each.b] for each in found.forced])
    click.echo()
    print_table(
        ["metric", "A>", "B>", "B / A>", "95 % interval>", "runs>", "detectable>", "verdict"],
        [_row(effect, found.mark) for effect in found.effects],
    )
    click.echo()
    for note in found.notes:
        click.echo(f"note: {note}")
    click.secho(found.sentence, bold=True)


def _row(effect: "Effect", mark: str) -> list[str]:
    ratio = effect.ratio
    interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f}..{ratio.high:.3f}"
    return [
        effect.metric,
        *("-" if value is None else f"{number(value)} {effect.unit}" for value in (effect.a, effect.b)),
        "-" if ratio.value is None else f"{ratio.value:.3f}",
        interval,
        f"{ratio.n}{' pairs' if effect.paired else ''}",
        "-" if effect.detectable is None else f"{effect.detectable:.1%}",
        f"{effect.said}{f' [{mark}]' if mark else ''}",
    ]
