"""One device: what runs on it, how fast, how hot, and its sessions with links to their pages."""

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import SESSIONS, TO_MODEL, WORSE, of_configuration, sessions, verdicts
from orchestrator.tell.grafana.panels import RED, YELLOW, Query, figure, lines
from orchestrator.tell.grafana.queries import night, of_a_day, or_zero, over_week
from orchestrator.tell.telemetry.names import CONFIGURATION

_OTHERS = [label for label in CONFIGURATION if label not in ("device_model", "device")]
_NAMES = ["=device", *_OTHERS]
_P99 = "earshot_latency_seconds"
_LINE = "{{model}} {{precision}} {{runtime}}/{{ep}} {{variant}}"

BOARD = Board(
    "earshot-device",
    "Earshot / Device",
    "One device: its configurations night after night, its heat, its sessions.",
    SESSIONS,
    [variables.one("device", SESSIONS), *of_configuration(without=("device_model", "device")), variables.pages()],
    [
        Section(
            "Now",
            [
                figure(
                    "Configurations",
                    "Measured within a day.",
                    "short",
                    or_zero(f"count(count by ({', '.join(_OTHERS)}) ({of_a_day(SESSIONS, _NAMES)}))"),
                    width=6,
                ),
                figure(
                    "Against its own week",
                    "Latency p99 of the last night over the median of the seven nights before it, averaged over "
                    "configurations.",
                    "percentunit",
                    f"avg({over_week(_P99, _NAMES, quantile='0.99')})",
                    steps=WORSE,
                    width=6,
                ),
                figure(
                    "Hottest",
                    "Hottest sensor at the end of a session of the last night.",
                    "celsius",
                    f"max({night('earshot_temperature_celsius', _NAMES)})",
                    steps=((70, YELLOW), (80, RED)),
                    width=6,
                ),
                figure(
                    "Throttled sessions",
                    "Sessions of the last night with a throttle flag before or after them.",
                    "short",
                    or_zero(f"sum({night('earshot_throttled', _NAMES)})"),
                    steps=((1, RED),),
                    width=6,
                ),
            ],
        ),
        Section(
            "Latency",
            [
                lines(
                    "Latency p99",
                    "From intended arrival to output, of each configuration; the dots lead to sessions.",
                    "s",
                    [Query(night(_P99, _NAMES, quantile="0.99"), _LINE, exemplar=True)],
                    links=[TO_MODEL],
                    zero=True,
                ),
                lines(
                    "Latency p99, ends of its interval",
                    "What the chunks of each session leave open, with 95 %.",
                    "s",
                    [
                        Query(night("earshot_latency_low_seconds", _NAMES, quantile="0.99"), f"low: {_LINE}"),
                        Query(night("earshot_latency_high_seconds", _NAMES, quantile="0.99"), f"high: {_LINE}"),
                    ],
                    zero=True,
                ),
                lines(
                    "Latency p50",
                    "From intended arrival to output, of each configuration.",
                    "s",
                    [Query(night(_P99, _NAMES, quantile="0.5"), _LINE)],
                    zero=True,
                ),
                lines(
                    "Service time p50",
                    "What a chunk costs on this device.",
                    "s",
                    [Query(night("earshot_service_seconds", _NAMES, quantile="0.5"), _LINE)],
                    zero=True,
                ),
            ],
        ),
        Section(
            "Resources",
            [
                lines(
                    "Real-time factor",
                    "Service time over duration of the audio; lower is better, above 1 it cannot keep up.",
                    "none",
                    [Query(night("earshot_rtf_ratio", _NAMES), _LINE)],
                    steps=((1, RED),),
                    zero=True,
                ),
                lines(
                    "Peak memory",
                    "Highest memory of a session's process while it streamed.",
                    "bytes",
                    [Query(night("earshot_peak_memory_bytes", _NAMES), _LINE)],
                    zero=True,
                ),
                lines(
                    "Load time",
                    "To load the model in the session's process.",
                    "s",
                    [Query(night("earshot_load_seconds", _NAMES), _LINE)],
                    zero=True,
                ),
                lines(
                    "Temperature",
                    "Hottest sensor when a session ended.",
                    "celsius",
                    [Query(night("earshot_temperature_celsius", _NAMES), _LINE)],
                ),
            ],
        ),
        Section(
            "What happened here",
            [
                verdicts("Verdicts of the last 30 days", "What nights said of this device.", _NAMES, days=30),
                sessions(_NAMES),
            ],
        ),
    ],
)
