"""One model on all devices: where is it fast enough, where is it not, and is it as good everywhere."""

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import SESSIONS, TO_DEVICE, of_configuration, verdicts
from orchestrator.tell.grafana.panels import RED, Column, Query, bars, lines, rows
from orchestrator.tell.grafana.queries import night
from orchestrator.tell.telemetry.names import CONFIGURATION

_NAMES = ["=model", *(label for label in CONFIGURATION if label != "model")]
# Evaluations and searches for streams are modes of their own, and say something of each.
_OF_ANY_MODE = [name for name in _NAMES if name != "mode"]
_P99 = "earshot_latency_seconds"
_LINE = "{{device}} {{precision}} {{runtime}}/{{ep}} {{variant}}"
_BY = "device_model, device, runtime, ep, precision, mode, variant"


def _figure(metric: str, **fixed: str) -> str:
    return f"avg by ({_BY}) ({night(metric, _NAMES, **fixed)})"


def _in_row_of_paced(metric: str) -> str:
    return f'avg by ({_BY}) (label_replace({night(metric, _OF_ANY_MODE)}, "mode", "paced", "", ""))'


BOARD = Board(
    "earshot-model",
    "Earshot / Model x devices",
    "One model on every device of the lab: speed, size, quality, what it needs.",
    SESSIONS,
    [variables.one("model", SESSIONS), *of_configuration(without=("model",))],
    [
        Section(
            "Last night",
            [
                rows(
                    "Configurations on devices",
                    "Each configuration that was measured within 26 h, slowest first. Absent is empty, never 0.",
                    "none",
                    [
                        _figure(_P99, quantile="0.99"),
                        _figure(_P99, quantile="0.5"),
                        _figure("earshot_rtf_ratio"),
                        _figure("earshot_peak_memory_bytes"),
                        _figure("earshot_energy_joules_per_audio_second"),
                        _in_row_of_paced("earshot_error_ratio"),
                        _figure("earshot_artifact_size_bytes"),
                        _in_row_of_paced("earshot_streams_held"),
                    ],
                    [
                        Column("device_model", "device model"),
                        Column("device", "device"),
                        Column("precision", "precision"),
                        Column("runtime", "runtime"),
                        Column("ep", "provider"),
                        Column("mode", "mode"),
                        Column("variant", "variant"),
                        Column("Value #A", "p99", "s"),
                        Column("Value #B", "p50", "s"),
                        Column("Value #C", "RTF", "none", steps=((1, RED),)),
                        Column("Value #D", "peak memory", "bytes"),
                        Column("Value #E", "energy per audio s", "joule"),
                        Column("Value #F", "errors", "percentunit"),
                        Column("Value #G", "size", "bytes"),
                        Column("Value #H", "streams held", "short"),
                    ],
                    height=12,
                ),
                bars(
                    "Latency p99, best configuration of each device",
                    "The lowest p99 of the last night on each device.",
                    "s",
                    Query(f"min by (device) ({night(_P99, _NAMES, quantile='0.99')})", "{{device}}"),
                    links=[TO_DEVICE],
                ),
                bars(
                    "Streams held",
                    "How many concurrent streams each device holds within the miss budget, by its best configuration.",
                    "short",
                    Query(f"max by (device) ({night('earshot_streams_held', _OF_ANY_MODE)})", "{{device}}"),
                    links=[TO_DEVICE],
                ),
            ],
        ),
        Section(
            "Course",
            [
                lines(
                    "Latency p99",
                    "Of each configuration on each device.",
                    "s",
                    [Query(night(_P99, _NAMES, quantile="0.99"), _LINE, exemplar=True)],
                    links=[TO_DEVICE],
                    zero=True,
                ),
                lines(
                    "Real-time factor by device model",
                    "Median over units and configurations.",
                    "none",
                    [
                        Query(
                            f"quantile by (device_model) (0.5, {night('earshot_rtf_ratio', _NAMES)})",
                            "{{device_model}}",
                        )
                    ],
                    steps=((1, RED),),
                    zero=True,
                ),
                lines(
                    "Errors by precision",
                    "Errors over items of the evaluation, mean over devices. A device that computes something else "
                    "stands out below.",
                    "percentunit",
                    [
                        Query(
                            f"avg by (precision, metric) ({night('earshot_error_ratio', _OF_ANY_MODE)})",
                            "{{metric}} {{precision}}",
                        )
                    ],
                    zero=True,
                ),
                lines(
                    "Errors by device",
                    "The same, worst precision of each device.",
                    "percentunit",
                    [Query(f"max by (device) ({night('earshot_error_ratio', _OF_ANY_MODE)})", "{{device}}")],
                    links=[TO_DEVICE],
                    zero=True,
                ),
                lines(
                    "Artifact size",
                    "Of what ran. A step is a new export.",
                    "bytes",
                    [
                        Query(
                            f"max by (runtime, precision) ({night('earshot_artifact_size_bytes', _NAMES)})",
                            "{{runtime}} {{precision}}",
                        )
                    ],
                    zero=True,
                ),
                lines(
                    "Load time by device model",
                    "Median over units and configurations.",
                    "s",
                    [
                        Query(
                            f"quantile by (device_model) (0.5, {night('earshot_load_seconds', _NAMES)})",
                            "{{device_model}}",
                        )
                    ],
                    zero=True,
                ),
            ],
        ),
        Section(
            "Verdicts",
            [verdicts("Verdicts of the last 90 days", "What nights said of this model.", _NAMES, days=90)],
        ),
    ],
)
