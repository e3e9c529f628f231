"""How a decision is asked for and shown, for every verb that decides."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.output import console, figure, print_table
from orchestrator.decide.selection.constraints import read_selection
from orchestrator.decide.selection.objective import MINIMIZED
from orchestrator.domain.decision import METRIC_OF, CandidateVerdict, Decision

_MARKS = {"winner": "winner", "front": "front", "dominated": "-", "rejected": "rejected"}
_ORDER = ("winner", "front", "dominated", "rejected")


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of constraints and objective; the command gets them as ``objective`` and ``constraints``."""

    @click.option(
        "--minimize",
        metavar="NAME",
        help=f"What wins among those that meet the constraints: {', '.join(MINIMIZED)}; latency by default.",
    )
    @click.option("--max-p50-ms", type=float, help="Median of the latency from intended arrival.")
    @click.option("--max-p99-ms", type=float, help="p99 of the latency from intended arrival.")
    @click.option("--max-size-mb", type=float, help="Size of the artifact.")
    @click.option(
        "--max-quality-loss",
        type=float,
        help="Error rate above the fp32 default's, upper bound at 95 %; 0.01 unless said.",
    )
    @click.option("--max-miss-rate", type=float, help="Share of chunks later than their deadline.")
    @click.option("--max-rtf", type=float, help="Real-time factor.")
    @click.option("--max-load-ms", type=float, help="Time to load the artifact.")
    @click.option("--max-peak-mb", type=float, help="Peak resident memory of the session.")
    @click.option("--max-energy-mj", type=float, help="Net energy per second of audio.")
    @click.option(
        "--max-sustained", type=float, help="Service time once hot over that at first: 1.2 is 20 % slower in the end."
    )
    @click.option("--min-streams", type=float, help="Concurrent streams that it was shown to hold.")
    @click.option(
        "--constraints",
        "constraints_file",
        type=click.Path(path_type=Path),
        help="TOML file with minimize = ... and [constraints]; flags win over it.",
    )
    @wraps(command)
    def wrapped(constraints_file: Path | None, **options: Any) -> Any:
        flags = {name: options.pop(name) for name in ("minimize", *METRIC_OF)}
        objective, constraints = read_selection(flags, constraints_file)
        return command(objective=objective, constraints=constraints, **options)

    return wrapped


def print_decision(decision: Decision, noise: str | None = None) -> None:
    """A table of every candidate, then what each is and why it did not win, then the sentence; ``noise``: what the
    device can tell apart.
    """
    ordered = sorted(
        decision.candidates,
        key=lambda v: (_ORDER.index(v.status), v.gate == "screening", _rank(v, decision.objective)),
    )
    wide = console().width >= _WIDE
    click.echo()
    print_table(
        ["#>", "", *(header for header, _, _ in _FIGURES)],
        [[str(number), _mark(v), *_figures(v, wide)] for number, v in enumerate(ordered, 1)],
    )
    click.echo()
    print_table(
        ["#>", "configuration", "why"],
        [[str(number), v.candidate.label, v.reason] for number, v in enumerate(ordered, 1)],
    )
    click.echo()
    click.secho(decision.sentence, bold=True)
    if decision.verification is not None:
        passed = "verified" if decision.verification.passed else "NOT verified"
        click.echo(f"{passed}: {decision.verification.reason}")
    if noise is not None:
        click.echo(f"noise: {noise}")
    click.echo()


# Header, metric, scale.
_FIGURES: tuple[tuple[str, str, float], ...] = (
    ("p50 ms>", "latency_p50_ms", 1.0),
    ("p99 ms>", "latency_p99_ms", 1.0),
    ("service ms>", "service_p50_ms", 1.0),
    ("RTF>", "rtf", 1.0),
    ("peak MB>", "peak_rss_mb", 1.0),
    ("size MB>", "size_mb", 1.0),
    ("loss %>", "quality_loss", 100.0),
)
_WITH_INTERVAL = ("latency_p50_ms", "quality_loss")
_WIDE = 110


def _mark(verdict: CandidateVerdict) -> str:
    return "screened" if verdict.gate == "screening" else _MARKS[verdict.status]


def _figures(verdict: CandidateVerdict, wide: bool) -> list[str]:
    return [
        figure(verdict.metrics.get(metric), scale=scale, interval=wide and metric in _WITH_INTERVAL)
        for _, metric, scale in _FIGURES
    ]


def _rank(verdict: CandidateVerdict, objective: str) -> float:
    for name in (objective, "service_p50_ms"):
        estimate = verdict.metrics.get(name)
        if estimate is not None and estimate.value is not None:
            return estimate.value
    return float("inf")
