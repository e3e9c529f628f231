"""``earshot simulate``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.decide.replay.matrix import read_matrix
from orchestrator.decide.replay.replay import Simulation, simulate
from orchestrator.decide.search.question import Question
from orchestrator.decide.search.registry import STRATEGIES
from orchestrator.errors import BadInput


@click.command("simulate")
@click.option("--matrix", type=click.Path(path_type=Path), required=True, help="CSV with one row per recorded run.")
@click.option("--device", help="Which device of the matrix; needed where it holds several.")
@click.option("--strategy", type=click.Choice(STRATEGIES), default="racing", show_default=True)
@click.option("--minimize", default="service_p50_ms", show_default=True, metavar="METRIC")
@click.option("--max", "limits", multiple=True, metavar="METRIC=LIMIT", help="A limit; may be given again.")
@click.option("--drift", type=float, default=0.0, show_default=True, help="How far the device wanders, as a share.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--budget-minutes", type=float, help="Device time. [default: a share of the exhaustive time; exhaustive: all]"
)
@json_option
def simulate_(
    matrix: Path,
    device: str | None,
    strategy: str,
    minimize: str,
    limits: tuple[str, ...],
    drift: float,
    seed: int,
    budget_minutes: float | None,
    as_json: bool,
) -> None:
    """Try a search strategy on recorded runs, with no device: what would it find, in how much device time?

    \b
    Columns of the matrix: device, candidate, run, outcome (ok, fallback, failed, throttled), duration_s,
    service_p50_ms, latency_p99_ms, rtf, peak_rss_mb, energy_mj_per_audio_s, size_mb, quality_loss.
    An empty cell was not measured, which is not zero. `earshot ledger export-matrix` writes one.

    \b
    earshot simulate --matrix runs.csv --max quality_loss=0.01
    earshot simulate --matrix runs.csv --strategy exhaustive --json
    """
    question = Question(minimize, dict(_limit(text) for text in limits))
    budget_s = None if budget_minutes is None else 60 * budget_minutes
    done = simulate(read_matrix(matrix, device), question, strategy, seed=seed, drift=drift, budget_s=budget_s)
    if as_json:
        print_json(done)
    else:
        _print(done, strategy)


def _limit(text: str) -> tuple[str, float]:
    name, separator, value = text.partition("=")
    try:
        if not separator:
            raise ValueError
        return name.strip(), float(value)
    except ValueError:
        raise BadInput(f"--max must be METRIC=LIMIT, got {text!r}", hint="such as --max quality_loss=0.01") from None


def _print(done: Simulation, strategy: str) -> None:
    share = done.device_minutes / done.exhaustive_device_minutes if done.exhaustive_device_minutes else 0.0
    print_table(
        ["figure", "value"],
        [
            ["verdict", done.verdict],
            ["winner", done.winner or "-"],
            ["runs", str(done.runs)],
            ["device time", f"{number(done.device_minutes)} min, {share:.1%} of the exhaustive search's"],
            ["strategy", strategy],
        ],
    )
    click.echo()
    print_table(["rejected", "because"], [[name, reason] for name, reason in done.rejected.items()])
