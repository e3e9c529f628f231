"""The table of candidates: what the decision knew of each, and why each has its place."""

from collections.abc import Sequence

from orchestrator.domain.candidate import Candidate
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.numbers import COLUMNS
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, estimate, recipe, text

_MAIN = (
    "latency_p50_ms",
    "latency_p99_ms",
    "service_p50_ms",
    "rtf",
    "peak_rss_mb",
    "size_mb",
    "quality_loss",
)
_FURTHER = ("service_p99_ms", "miss_rate", "load_ms", "energy_mj_per_audio_s")
# What takes sessions of their own kind, and stands there where it was measured or asked for.
_ELSEWHERE = ("sustained_ratio", "streams_held")
_STATUS = {"winner": "winner", "front": "on the front", "dominated": "dominated", "rejected": "rejected"}


def candidate_table(content: ReportContent) -> Table:
    notes = Footnotes()
    metrics = _with_objective(content.decision.objective)
    headings = (
        Heading("#"),
        Heading("Status", "and reason"),
        Heading("Recipe"),
        Heading("Provider", "threads"),
        *_metric_headings(metrics),
    )
    rows = tuple(
        Row(
            (
                text(entry.number),
                _status(entry),
                recipe(entry.verdict.candidate.recipe),
                _provider(entry.verdict.candidate),
                *_figures(entry, metrics, notes),
            ),
            entry.role,
        )
        for entry in content.ranked()
    )
    caption = "Every candidate, its figures with 95 % intervals, and why it has its place"
    return Table("candidates", caption, headings, rows, tuple(notes.reasons))


def further_table(content: ReportContent) -> Table:
    """The figures that do not fit beside the first ones."""
    notes = Footnotes()
    metrics = tuple(m for m in (*_FURTHER, *_elsewhere(content)) if m != content.decision.objective)
    headings = (Heading("#"), Heading("Candidate"), *_metric_headings(metrics))
    rows = tuple(Row((*named(entry), *_figures(entry, metrics, notes)), entry.role) for entry in content.ranked())
    return Table("further", "Further figures of the same sessions", headings, rows, tuple(notes.reasons))


def _elsewhere(content: ReportContent) -> list[str]:
    known = {m for v in content.decision.candidates for m, e in v.metrics.items() if e.value is not None}
    return [metric for metric in _ELSEWHERE if metric in known or metric in content.decision.asked]


def named(entry: Entry) -> tuple[Cell, Cell]:
    """Number and short name, for every table after the first one."""
    return text(entry.number), text(entry.words, title=entry.verdict.candidate.label)


def _with_objective(objective: str) -> tuple[str, ...]:
    """The main metrics; an objective that is not among them comes first."""
    return _MAIN if objective in _MAIN or objective not in COLUMNS else (objective, *_MAIN)


def _metric_headings(metrics: Sequence[str]) -> tuple[Heading, ...]:
    return tuple(Heading(COLUMNS[m].heading, COLUMNS[m].unit, number=True) for m in metrics)


def _figures(entry: Entry, metrics: Sequence[str], notes: Footnotes) -> tuple[Cell, ...]:
    return tuple(estimate(entry.verdict.metrics.get(m), COLUMNS[m], notes) for m in metrics)


def _status(entry: Entry) -> Cell:
    verdict = entry.verdict
    screened = verdict.gate == "screening"
    words = ("screened" if screened else _STATUS[verdict.status]) + (", the default" if entry.is_baseline else "")
    gate = f" (gate: {verdict.gate})" if verdict.gate and not screened else ""
    return text(words, verdict.reason + gate)


def _provider(candidate: Candidate) -> Cell:
    threads = "1 thread" if candidate.threads == 1 else f"{candidate.threads} threads"
    options = [f"{name}={value}" for name, value in sorted(candidate.session_options.items())]
    held = [f"on {candidate.cpus}"] if candidate.affinity else []
    within = [] if candidate.environment is None else [f"in {candidate.environment}"]
    return text(candidate.provider.removesuffix("ExecutionProvider"), ", ".join([threads, *held, *options, *within]))
