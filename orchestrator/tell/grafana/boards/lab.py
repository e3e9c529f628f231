"""The morning's look: did the night run, is anything worse, which devices stand out."""

from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import (
    MORE_THAN_NONE,
    SESSIONS,
    TO_DEVICE,
    TO_MODEL,
    TO_REGRESSIONS,
    WORSE,
    of_configuration,
    verdicts,
)
from orchestrator.tell.grafana.panels import RED, YELLOW, Column, Query, figure, history, lines, rows
from orchestrator.tell.grafana.queries import night, of_a_day, or_zero, over_week, select
from orchestrator.tell.telemetry.names import CONFIGURATION

_EFFECT = "earshot_regression_effect_ratio"
_P99 = "earshot_latency_seconds"


def _told(kind: str) -> str:
    return or_zero(f"count({night(_EFFECT, CONFIGURATION, kind=kind)})")


BOARD = Board(
    "earshot-lab",
    "Earshot / Lab overview",
    "Did the night run, what became worse, which devices stand out.",
    SESSIONS,
    of_configuration(),
    [
        Section(
            "Last night",
            [
                figure(
                    "Sessions",
                    "Sessions that ended within a day.",
                    "short",
                    or_zero(f"count({of_a_day(SESSIONS, CONFIGURATION)})"),
                ),
                figure(
                    "Devices",
                    "Devices with a session within a day.",
                    "short",
                    or_zero(f"count(count by (device) ({of_a_day(SESSIONS, CONFIGURATION)}))"),
                ),
                figure(
                    "Regressions",
                    "Confirmed: by a re-run, by nights, by an exact value, or by the evaluation's items.",
                    "short",
                    _told("regression"),
                    steps=MORE_THAN_NONE,
                    links=[TO_REGRESSIONS],
                ),
                figure("Improvements", "Confirmed, and better.", "short", _told("improvement"), links=[TO_REGRESSIONS]),
                figure(
                    "Drifting devices",
                    "Devices whose reference model moved: look at the device, not at the models.",
                    "short",
                    or_zero(f"count(count by (device) ({night(_EFFECT, CONFIGURATION, kind='device-drift')}))"),
                    steps=MORE_THAN_NONE,
                    links=[TO_REGRESSIONS],
                ),
                figure(
                    "Since the last night",
                    "Since any plan's night ended. Nights are a day apart.",
                    "s",
                    f"time() - max(last_over_time({select('earshot_night_finished_timestamp_seconds')}[14d]))",
                    steps=((93_600, YELLOW), (129_600, RED)),
                ),
            ],
        ),
        Section(
            "What changed",
            [
                verdicts(
                    "Verdicts of the last seven days",
                    "What nights said, with what may be to blame. A suspicion pages nobody.",
                    CONFIGURATION,
                    days=7,
                ),
                history(
                    "Devices against their own week",
                    "Latency p99 of the night over the median of the seven nights before it, averaged over a device's "
                    "configurations. A row that is red as a whole is a device, a column is a night.",
                    "percentunit",
                    Query(f"avg by (device) ({over_week(_P99, CONFIGURATION, quantile='0.99')})", "{{device}}"),
                    steps=WORSE,
                    links=[TO_DEVICE],
                ),
                rows(
                    "Furthest from their own week",
                    "The twenty configurations whose latency p99 is furthest above the median of their last seven "
                    "nights. Not a verdict: one night in ten of a noisy series is off for no reason.",
                    "percentunit",
                    [f"topk(20, {over_week(_P99, CONFIGURATION, quantile='0.99')})"],
                    [
                        Column("device", "device"),
                        Column("model", "model"),
                        Column("precision", "precision"),
                        Column("runtime", "runtime"),
                        Column("variant", "variant"),
                        Column("Value", "over own week", "percentunit", steps=WORSE),
                    ],
                ),
            ],
        ),
        Section(
            "Course",
            [
                lines(
                    "Latency p99 by device model",
                    "Median over devices and configurations of the chosen models.",
                    "s",
                    [
                        Query(
                            f"quantile by (device_model, model) (0.5, {night(_P99, CONFIGURATION, quantile='0.99')})",
                            "{{device_model}} {{model}}",
                        )
                    ],
                    links=[TO_MODEL],
                    zero=True,
                ),
                lines(
                    "Slowest real-time factor",
                    "Highest RTF of each model over all devices; above 1 it cannot keep up.",
                    "none",
                    [Query(f"max by (model) ({night('earshot_rtf_ratio', CONFIGURATION)})", "{{model}}")],
                    steps=((1, RED),),
                    links=[TO_MODEL],
                    zero=True,
                ),
                lines(
                    "Sessions by model",
                    "Sessions that ended within a day before each point.",
                    "short",
                    [Query(f"count by (model) ({of_a_day(SESSIONS, CONFIGURATION)})", "{{model}}")],
                    stacked=True,
                ),
                lines(
                    "Missed deadlines",
                    "Highest share of a session's chunks that were later than their deadline, by model.",
                    "percentunit",
                    [Query(f"max by (model) ({night('earshot_miss_ratio', CONFIGURATION)})", "{{model}}")],
                    zero=True,
                ),
            ],
        ),
    ],
)
