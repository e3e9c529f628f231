"""``earshot calibrate``"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agents.strict_json import to_json
from orchestrator.cli.isolation import isolate_option
from orchestrator.cli.options import (
    environment_option,
    json_option,
    lab_option,
    quiet_device_option,
    results_option,
    wait_option,
)
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.domain.calibration import Calibration, Noise


@click.command()
@click.argument("device", required=False)
@click.option("--model", default="kws", show_default=True)
@click.option("--recipe", default="onnx:fp32", show_default=True, help="What is run; @threads=2,cluster=big after it.")
@click.option("--mode", type=click.Choice(["paced", "flat-out"]), default="paced", show_default=True)
@click.option("--runs", type=int, default=10, show_default=True, help="Pairs of fresh processes.")
@click.option("--seconds", type=float, default=5.0, show_default=True, help="Audio per run; 15 gives each run a p99.")
@click.option("--effect", type=float, default=0.03, show_default=True, help="Say how many runs find this difference.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order.")
@click.option("--show", is_flag=True, help="Only show what the ledger knows, of DEVICE or of all.")
@lab_option
@wait_option
@quiet_device_option
@isolate_option
@environment_option
@results_option
@json_option
def calibrate(
    device: str | None,
    model: str,
    recipe: str,
    mode: str,
    runs: int,
    seconds: float,
    effect: float,
    seed: int,
    show: bool,
    lab: Path | None,
    wait_s: float,
    quiet_device: bool,
    isolate: tuple[str, ...] | None,
    environment: str | None,
    results: Path,
    as_json: bool,
) -> None:
    """Measure the noise floor of DEVICE: the same candidate against itself, in pairs of fresh processes.

    Two sides that are the same differ by the device's noise alone. From it follow the smallest difference that so many
    runs find (80 % of the time, at 5 % false alarms) and how many runs a difference takes. It is kept, dated, in the
    ledger, and shown wherever `earshot compare` shows a difference; after 30 days, or with another agent, OS, runtime
    governor or isolation, it is called stale.

    \b
    earshot calibrate local
    earshot calibrate pi5 --lab lab.toml --runs 20 --effect 0.02
    earshot calibrate --show
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.workflows.bench import BenchSettings, Choice
    from orchestrator.workflows.calibrate import calibrate as measure
    from orchestrator.workflows.calibrate import known

    if not 0.0 < effect < 1.0:
        raise BadInput(f"--effect must be a share in 0..1, got {effect:g}", hint="--effect 0.03 is 3 %")
    if show:
        _show(known(results, device), effect, as_json)
        return
    if device is None:
        raise click.UsageError("which device? `earshot devices list` shows them; --show shows what is known")
    settings = BenchSettings(
        "calibrate", model, (Choice.parse(recipe),), device, lab, results, mode, runs, seconds, seed, wait_s,
        quiet_device, environment, isolate=isolate,
    )  # fmt: skip
    with TerminalProgress() as progress:
        found = measure(settings, progress)
    _show([found], effect, as_json)


def _show(found: Sequence["Calibration"], effect: float, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(each, effect) for each in found])
        return
    if not found:
        click.echo("no device is calibrated in this ledger: earshot calibrate local")
    for each in found:
        _print(each, effect)


def _as_json(found: "Calibration", effect: float) -> dict[str, Any]:
    from orchestrator.decide.comparison.noise import detectable_by_runs, recommended_runs

    said: dict[str, Any] = to_json(found)
    for metric, noise in found.noise.items():
        said["noise"][metric] |= {
            "detectable_by_runs": {str(runs): share for runs, share in detectable_by_runs(noise).items()},
            "runs_for_effect": {"effect": effect, "runs": recommended_runs(noise, effect)},
        }
    return said


def _print(found: "Calibration", effect: float) -> None:
    from orchestrator.decide.comparison.noise import RUN_COUNTS

    pairs = max((noise.pairs for noise in found.noise.values()), default=0)
    click.echo(
        f"{found.device}: {pairs} pairs of {found.mode} runs of {found.seconds:g} s of {found.model}, "
        f"{found.candidate}, {found.at_utc}"
    )
    smallest = [f"{runs} runs>" for runs in RUN_COUNTS]
    print_table(
        [
            "metric",
            "value>",
            "run to run>",
            "in a run>",
            "lag 1: runs>",
            "chunks>",
            "A/A>",
            *smallest,
            f"for {effect:.3g}>",
        ],
        [_row(metric, noise, effect) for metric, noise in found.noise.items()],
    )
    click.echo(
        f"\nN runs: the smallest difference that N runs of each find, 80 % of the time at 5 % false alarms; "
        f"for {effect:.3g}: the runs that a difference of {effect:.1%} takes."
    )
    for metric, noise in found.noise.items():
        if not noise.same:
            click.echo(
                f"note: {metric} differed from itself ({noise.low:.3f}..{noise.high:.3f}): one in 20 does by chance"
            )
    click.echo()


def _row(metric: str, noise: "Noise", effect: float) -> list[str]:
    from orchestrator.decide.comparison.noise import detectable_by_runs, recommended_runs
    from orchestrator.domain.decision import METRICS

    runs = recommended_runs(noise, effect)
    return [
        metric,
        f"{number(noise.value)} {METRICS[metric]}",
        f"{noise.between:.1%}",
        "-" if noise.within is None else f"{noise.within:.1%}",
        f"{noise.run_lag1:+.2f}",
        "-" if noise.chunk_lag1 is None else f"{noise.chunk_lag1:+.2f}",
        f"{noise.low:.3f}..{noise.high:.3f}",
        *(f"{share:.1%}" for share in detectable_by_runs(noise).values()),
        "too many" if runs is None else str(runs),
    ]
