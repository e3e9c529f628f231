"""What nights said: suspicions, regressions, improvements, drifts; by how much, since when, what may be to blame."""

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import (
    SESSIONS,
    TO_DEVICE,
    WORSE,
    of_configuration,
    verdicts,
)
from orchestrator.tell.grafana.panels import RED, Query, bars, figure, history, lines
from orchestrator.tell.grafana.queries import WINDOW, night, or_zero, over_week, select
from orchestrator.tell.telemetry.names import CONFIGURATION

_EFFECT = "earshot_regression_effect_ratio"
_NAMES = [*CONFIGURATION, "metric", "kind"]
_LINE = "{{kind}}: {{metric}} of {{model}} {{precision}} on {{device}}"


def _count(kind: str) -> str:
    return or_zero(f"count(last_over_time({select(_EFFECT, [*CONFIGURATION, 'metric'], kind=kind)}[30d]))")


BOARD = Board(
    "earshot-regressions",
    "Earshot / Regressions",
    "What nights said, by how much, since when and what may be to blame.",
    SESSIONS,
    [
        *of_configuration(),
        variables.several("metric", _EFFECT),
        variables.several("kind", _EFFECT),
    ],
    [
        Section(
            "Thirty days",
            [
                figure("Regressions", "Confirmed, in 30 days.", "short", _count("regression"), steps=((1, RED),)),
                figure("Improvements", "Confirmed and better, in 30 days.", "short", _count("improvement")),
                figure("Suspicions", "In 30 days. They page nobody: a re-run decides.", "short", _count("suspect")),
                figure("Device drifts", "In 30 days: the device, not the model.", "short", _count("device-drift")),
                figure("Lab drifts", "In 30 days: all reference models moved together.", "short", _count("lab-drift")),
                figure(
                    "Alerts now",
                    "Alerts of Earshot's rules that fire now, without those that page nobody.",
                    "short",
                    or_zero('count(ALERTS{alertname=~"Earshot.*", alertstate="firing", severity!="none"})'),
                    steps=((1, RED),),
                ),
            ],
        ),
        Section(
            "Verdicts",
            [
                verdicts(
                    "Verdicts of the last 30 days",
                    "By how much (new over old, minus 1), since when, what changed then, and how it is known.",
                    _NAMES,
                    days=30,
                    height=12,
                ),
                lines(
                    "Effects",
                    "New level over old level minus 1, for a day after each verdict.",
                    "percentunit",
                    [Query(f"{night(_EFFECT, _NAMES)} - 1", _LINE)],
                    links=[TO_DEVICE],
                ),
                lines(
                    "Effects, ends of their intervals",
                    "What nights and re-runs leave open, with 95 %.",
                    "percentunit",
                    [
                        Query(f"{night('earshot_regression_effect_low_ratio', _NAMES)} - 1", f"low: {_LINE}"),
                        Query(f"{night('earshot_regression_effect_high_ratio', _NAMES)} - 1", f"high: {_LINE}"),
                    ],
                ),
                bars(
                    "To blame",
                    "Verdicts of 30 days by what changed on the night since when: model commit, exporter, runtime, "
                    "OS build, device unit.",
                    "short",
                    Query(
                        "sort_desc(count by (axis) (label_replace(last_over_time("
                        f"{select('earshot_regression_info', _NAMES)}[30d]), 'axis', 'not known', 'axis', '')))",
                        "{{axis}}",
                    ),
                ),
                lines(
                    "Verdicts a night",
                    f"By kind, within {WINDOW} before each point.",
                    "short",
                    [Query(f"count by (kind) ({night(_EFFECT, _NAMES)})", "{{kind}}")],
                    stacked=True,
                ),
            ],
        ),
        Section(
            "The fast look",
            [
                lines(
                    "Latency p99 against its own week",
                    "The night over the median of the seven nights before it, of the configuration that is furthest "
                    "above it on each device. Verdicts are marked.",
                    "percentunit",
                    [
                        Query(
                            f"max by (device) ({over_week('earshot_latency_seconds', CONFIGURATION, quantile='0.99')})",
                            "{{device}}",
                        )
                    ],
                    steps=WORSE,
                    links=[TO_DEVICE],
                    width=24,
                ),
                history(
                    "Models against their own week",
                    "Latency p50 over the median of the seven nights before it, averaged over devices. A row that is "
                    "red from a night on is the model, not a device.",
                    "percentunit",
                    Query(
                        "avg by (model, precision) "
                        f"({over_week('earshot_latency_seconds', CONFIGURATION, quantile='0.5')})",
                        "{{model}} {{precision}}",
                    ),
                    steps=WORSE,
                ),
            ],
        ),
    ],
)
