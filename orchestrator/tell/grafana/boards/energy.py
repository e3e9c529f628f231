"""What speech costs the battery, and what heat does to the figures."""

from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import SESSIONS, TO_DEVICE, of_configuration
from orchestrator.tell.grafana.panels import GREEN, RED, YELLOW, Column, Query, bars, figure, history, lines, rows
from orchestrator.tell.grafana.queries import WINDOW, night, or_zero, over_week
from orchestrator.tell.telemetry.names import CONFIGURATION

_ENERGY = "earshot_energy_joules_per_audio_second"
_HEAT = "earshot_temperature_celsius"
_THROTTLED = "earshot_throttled"
_HOT = ((70, YELLOW), (80, RED))

BOARD = Board(
    "earshot-energy",
    "Earshot / Energy and thermal",
    "Net energy per second of audio, temperatures, throttling. A device without a power sensor has no energy here.",
    SESSIONS,
    of_configuration(),
    [
        Section(
            "Last night",
            [
                figure(
                    "Devices with energy",
                    f"Devices that a power sensor or meter has told of within {WINDOW}.",
                    "short",
                    or_zero(f"count(count by (device) ({night(_ENERGY, CONFIGURATION)}))"),
                    width=6,
                ),
                figure(
                    "Hottest device",
                    "Hottest sensor at the end of a session of the last night.",
                    "celsius",
                    f"max({night(_HEAT, CONFIGURATION)})",
                    steps=_HOT,
                    width=6,
                ),
                figure(
                    "Throttled devices",
                    "Devices with a throttle flag before or after a session of the last night. Their figures do not "
                    "count.",
                    "short",
                    or_zero(f"count(max by (device) ({night(_THROTTLED, CONFIGURATION)}) > 0)"),
                    steps=((1, RED),),
                    width=6,
                ),
                figure(
                    "Share of devices throttled",
                    "From a quarter on it is the room, not a device.",
                    "percentunit",
                    f"avg(max by (device) ({night(_THROTTLED, CONFIGURATION)}))",
                    steps=((0.1, YELLOW), (0.25, RED)),
                    width=6,
                ),
            ],
        ),
        Section(
            "Energy",
            [
                lines(
                    "Energy per second of audio",
                    "Net of the idle device, mean over the configurations of a device.",
                    "joule",
                    [Query(f"avg by (device) ({night(_ENERGY, CONFIGURATION)})", "{{device}}")],
                    links=[TO_DEVICE],
                    zero=True,
                ),
                lines(
                    "Energy by device model and precision",
                    "Median over units and models.",
                    "joule",
                    [
                        Query(
                            f"quantile by (device_model, precision) (0.5, {night(_ENERGY, CONFIGURATION)})",
                            "{{device_model}} {{precision}}",
                        )
                    ],
                    zero=True,
                ),
                bars(
                    "Least energy of each model",
                    "The configuration and device that need least, last night.",
                    "joule",
                    Query(f"min by (model) ({night(_ENERGY, CONFIGURATION)})", "{{model}}"),
                ),
                rows(
                    "Energy furthest from its own week",
                    "The night over the median of the seven nights before it; twenty configurations.",
                    "percentunit",
                    [f"topk(20, {over_week(_ENERGY, CONFIGURATION)})"],
                    [
                        Column("device", "device"),
                        Column("model", "model"),
                        Column("precision", "precision"),
                        Column("runtime", "runtime"),
                        Column("Value", "over own week", "percentunit"),
                    ],
                    width=12,
                ),
            ],
        ),
        Section(
            "Heat",
            [
                lines(
                    "Temperature",
                    "Hottest sensor of each device at the end of its sessions.",
                    "celsius",
                    [Query(f"max by (device) ({night(_HEAT, CONFIGURATION)})", "{{device}}")],
                    steps=_HOT,
                    links=[TO_DEVICE],
                ),
                lines(
                    "Throttled sessions by device model",
                    "Share of the night's configurations with a throttle flag.",
                    "percentunit",
                    [
                        Query(
                            f"avg by (device_model) ({night(_THROTTLED, CONFIGURATION)})",
                            "{{device_model}}",
                        )
                    ],
                    zero=True,
                ),
                history(
                    "Throttled devices by night",
                    "A cell for each night: whether any session of it had a throttle flag.",
                    "none",
                    Query(f"max by (device) ({night(_THROTTLED, CONFIGURATION)})", "{{device}}"),
                    steps=((0, GREEN), (1, RED)),
                    names={"0": "no", "1": "throttled"},
                    links=[TO_DEVICE],
                ),
            ],
        ),
    ],
)
