"""How a decision is asked for and shown, for every verb that decides."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.heat import print_heat
from orchestrator.cli.output import console, figure, number, print_table
from orchestrator.decide.selection.goals import TYPES
from orchestrator.decide.selection.objective import MINIMIZED
from orchestrator.decide.selection.preset import presets
from orchestrator.decide.selection.reading import read_selection
from orchestrator.decide.selection.words import NAMES
from orchestrator.domain.decision import METRIC_OF, SCORE, CandidateVerdict, Decision, as_cost
from orchestrator.domain.heat import Heat

_MARKS = {"winner": "winner", "front": "front", "dominated": "-", "rejected": "rejected"}
_ORDER = ("winner", "front", "dominated", "rejected")


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of constraints and objective; the command gets them as ``objective`` and ``constraints``."""

    @click.option(
        "--minimize",
        metavar="NAME",
        help=f"What wins among those that meet the constraints: {', '.join(MINIMIZED)}; latency by default.",
    )
    @click.option(
        "--weigh",
        metavar="NAMES",
        help="In place of --minimize a weighted profile, such as latency=2,energy=1; also streams, of which most wins.",
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
        "--goal",
        "goals",
        multiple=True,
        metavar="METRIC:TYPE=VALUE",
        help="Against the fp32 default, as in Olive: p99:percent-min-improvement=20, accuracy:max-degradation=0.01; "
        f"types: {', '.join(TYPES)}. May be given again.",
    )
    @click.option(
        "--preset",
        metavar="NAME",
        help=f"Begin with {', '.join(presets())}, or a file of that form; `earshot select --presets` shows them.",
    )
    @click.option(
        "--constraints",
        "constraints_file",
        type=click.Path(path_type=Path),
        help="TOML file with minimize or weigh, [constraints] and [goals], or JSON with an Olive evaluator; "
        "it wins over the preset, and flags win over both.",
    )
    @wraps(command)
    def wrapped(constraints_file: Path | None, preset: str | None, **options: Any) -> Any:
        flags = {name: options.pop(name) for name in ("minimize", "weigh", "goals", *METRIC_OF)}
        objective, constraints = read_selection(flags, constraints_file, preset)
        return command(objective=objective, constraints=constraints, **options)

    return wrapped


def print_decision(decision: Decision, noise: str | None = None, heat: Heat | str | None = None) -> None:
    """A table of every candidate, then what each is and why it did not win, then which gates kept whom out and the
    sentence; ``noise``: what the device can tell apart; ``heat``: of all sustained sessions, where it was read.
    """
    ordered = sorted(
        decision.candidates,
        key=lambda v: (_ORDER.index(v.status), v.gate == "screening", _rank(v, decision.objective)),
    )
    wide = console().width >= _WIDE
    shown = _shown(decision)
    click.echo()
    print_table(
        ["#>", "", *(_HEADERS[metric][0] for metric in shown)],
        [[str(place), _mark(v), *_figures(v, shown, wide)] for place, v in enumerate(ordered, 1)],
    )
    click.echo()
    print_table(
        ["#>", "configuration", "why"],
        [[str(place), v.candidate.label, v.reason] for place, v in enumerate(ordered, 1)],
    )
    _print_goals(decision)
    _print_gates(decision, {v.candidate.key: place for place, v in enumerate(ordered, 1)})
    if decision.spans:
        click.echo(f"\nfront: nobody is better in one and worse in none of {_names(decision.spans)}")
    click.echo()
    click.secho(decision.sentence, bold=True)
    if decision.verification is not None:
        passed = "verified" if decision.verification.passed else "NOT verified"
        click.echo(f"{passed}: {decision.verification.reason}")
    if noise is not None:
        click.echo(f"noise: {noise}")
    _print_heat(decision, heat)
    click.echo()


# Metric -> header, scale.
_HEADERS: dict[str, tuple[str, float]] = {
    SCORE: ("score>", 1.0),
    "latency_p50_ms": ("p50 ms>", 1.0),
    "latency_p99_ms": ("p99 ms>", 1.0),
    "service_p50_ms": ("service ms>", 1.0),
    "service_p99_ms": ("service p99 ms>", 1.0),
    "miss_rate": ("late %>", 100.0),
    "rtf": ("RTF>", 1.0),
    "energy_mj_per_audio_s": ("energy mJ/s>", 1.0),
    "peak_rss_mb": ("peak MB>", 1.0),
    "size_mb": ("size MB>", 1.0),
    "load_ms": ("load ms>", 1.0),
    "sustained_ratio": ("hot/cold>", 1.0),
    "streams_held": ("streams>", 1.0),
    "quality_loss": ("loss %>", 100.0),
}
_ALWAYS = ("latency_p50_ms", "latency_p99_ms", "service_p50_ms", "rtf", "peak_rss_mb", "size_mb", "quality_loss")
_WITH_INTERVAL = ("latency_p50_ms", "quality_loss")
_WIDE = 110


def _shown(decision: Decision) -> list[str]:
    """What is always told, and what was asked for."""
    return [metric for metric in _HEADERS if metric in _ALWAYS or metric in decision.asked]


def _mark(verdict: CandidateVerdict) -> str:
    return "screened" if verdict.gate == "screening" else _MARKS[verdict.status]


def _figures(verdict: CandidateVerdict, shown: Sequence[str], wide: bool) -> list[str]:
    return [
        figure(verdict.metrics.get(metric), scale=_HEADERS[metric][1], interval=wide and metric in _WITH_INTERVAL)
        for metric in shown
    ]


def _rank(verdict: CandidateVerdict, objective: str) -> float:
    for name in (objective, "service_p50_ms"):
        estimate = verdict.metrics.get(name)
        if estimate is not None and estimate.value is not None:
            return as_cost(name, estimate.value)
    return float("inf")


def _names(metrics: Sequence[str]) -> str:
    return ", ".join(NAMES[metric][0] for metric in metrics)


def _print_goals(decision: Decision) -> None:
    if decision.goals:
        click.echo()
        rows = [
            [g.asked, _number(g.default), _number(g.limit) if g.reason is None else g.reason] for g in decision.goals
        ]
        print_table(["goal", "the default's>", "the limit"], rows)


def _number(value: float | None) -> str:
    return "-" if value is None else number(value)


def _print_gates(decision: Decision, numbers: Mapping[str, int]) -> None:
    if decision.gates:
        click.echo()
        rows = [[g.gate, str(g.count), str(numbers.get(g.nearest, "-")), g.relax] for g in decision.gates]
        print_table(["kept out by", "how many>", "nearest #>", "what would let it pass"], rows)


def _print_heat(decision: Decision, heat: Heat | str | None) -> None:
    if heat is not None:
        print_heat(heat)
    elif decision.cold_and_hot is not None:
        click.echo(f"cold and hot: {decision.cold_and_hot.said}")
