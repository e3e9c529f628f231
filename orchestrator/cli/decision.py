"""How a decision is asked for and shown, for every verb that decides."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.output import figure, print_table
from orchestrator.decide.selection.constraints import METRIC_OF, read_selection
from orchestrator.domain.decision import CandidateVerdict, Decision

_MARKS = {"winner": "winner", "front": "front", "dominated": "-", "rejected": "rejected"}
_ORDER = ("winner", "front", "dominated", "rejected")


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of constraints and objective; the command gets them as ``objective`` and ``constraints``."""

    @click.option(
        "--minimize",
        type=click.Choice(["latency", "energy", "memory", "size"]),
        help="What wins among those that meet the constraints; latency by default.",
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


def print_decision(decision: Decision) -> None:
    """A table of every candidate, then why the others lost, then the sentence."""
    ordered = sorted(decision.candidates, key=lambda v: (_ORDER.index(v.status), _rank(v, decision.objective)))
    click.echo()
    print_table(
        ["", "configuration", "p50 ms>", "p99 ms>", "service p50 ms>", "RTF>", "peak MB>", "MB>", "quality loss %>"],
        [_row(v) for v in ordered],
    )
    click.echo()
    print_table(["not chosen", "why"], [[v.candidate.label, v.reason] for v in ordered if v.status != "winner"])
    click.echo()
    click.secho(decision.sentence, bold=True)
    if decision.verification is not None:
        click.echo(f"verified: {decision.verification.reason}")
    click.echo()


def _row(verdict: CandidateVerdict) -> list[str]:
    metrics = verdict.metrics
    return [
        _MARKS[verdict.status],
        verdict.candidate.label,
        figure(metrics.get("latency_p50_ms")),
        figure(metrics.get("latency_p99_ms")),
        figure(metrics.get("service_p50_ms")),
        figure(metrics.get("rtf")),
        figure(metrics.get("peak_rss_mb")),
        figure(metrics.get("size_mb")),
        figure(metrics.get("quality_loss"), scale=100),
    ]


def _rank(verdict: CandidateVerdict, objective: str) -> float:
    for name in (objective, "service_p50_ms"):
        estimate = verdict.metrics.get(name)
        if estimate is not None and estimate.value is not None:
            return estimate.value
    return float("inf")
