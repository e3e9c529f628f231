"""docs/reference/prometheus.md: every metric that Earshot tells Prometheus, from their registry."""

from orchestrator.tell.telemetry.names import CONFIGURATION, LIVE, NIGHT, SESSION, VERDICT, Metric, of_source

_SECTIONS = {
    SESSION: ("Sessions", "Written once for each session that ended, with the time of its end."),
    VERDICT: ("Verdicts of a night", "Written once for each verdict of a night, with the time of judging."),
    NIGHT: ("Nights", "Written once when a night ended."),
    LIVE: ("The farm now", "Served by `earshot telemetry serve` for Prometheus to scrape."),
}


def prometheus_page() -> str:
    parts = [
        "# Metrics in Prometheus\n",
        "How to get them there: [Prometheus](../how-to/prometheus.md). *configuration* stands for the labels",
        f"{', '.join(f'`{label}`' for label in CONFIGURATION)}.\n",
    ]
    for source, (title, note) in _SECTIONS.items():
        parts += [
            f"## {title}\n",
            f"{note}\n",
            "| metric | type | unit | labels | what it is |",
            "|---|---|---|---|---|",
        ]
        parts += [_row(metric) for metric in of_source(source)]
        parts.append("")
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    unit = metric.unit.replace("_", " ") or "-"
    return f"| `{metric.name}` | {metric.kind} | {unit} | {_labels(metric)} | {metric.help} |"


def _labels(metric: Metric) -> str:
    if metric.labels[: len(CONFIGURATION)] != CONFIGURATION:
        return ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return ", ".join(["*configuration*", *(f"`{label}`" for label in metric.labels[len(CONFIGURATION) :])])
