"""Two configurations beside each other on the devices that have both."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as build

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.board import Board, Section
from orchestrator.tell.grafana.boards.shared import SESSIONS, TO_DEVICE
from orchestrator.tell.grafana.panels import GREEN, RED, Column, Query, bars, figure, lines, rows
from orchestrator.tell.grafana.queries import WINDOW, night

_WHERE = ["device_model", "device", "=model", "=mode"]
# Of the evaluation, which is a mode of its own.
_OF_ANY_MODE = ("earshot_error_ratio",)
_SIDE = {"runtime": "runtime", "ep": "provider", "precision": "precision", "variant": "variant"}
_P99 = "earshot_latency_seconds"
# (title, metric, what is fixed beside the side, unit, what it is)
_METRICS: tuple[tuple[str, str, dict[str, str], str, str], ...] = (
    ("Latency p99", _P99, {"quantile": "0.99"}, "s", "From intended arrival to output."),
    ("Latency p50", _P99, {"quantile": "0.5"}, "s", "From intended arrival to output."),
    ("Real-time factor", "earshot_rtf_ratio", {}, "none", "Service time over duration of the audio."),
    ("Peak memory", "earshot_peak_memory_bytes", {}, "bytes", "Of the session's process while it streamed."),
    ("Energy per second of audio", "earshot_energy_joules_per_audio_second", {}, "joule", "Net of the idle device."),
    ("Load time", "earshot_load_seconds", {}, "s", "To load the model."),
    ("Errors", "earshot_error_ratio", {}, "percentunit", "Errors over items of the evaluation on the device."),
    ("Artifact size", "earshot_artifact_size_bytes", {}, "bytes", "Of what ran."),
)


def _of(side: str, metric: str, **fixed: str) -> str:
    """The night's value on each device, for one side."""
    chosen = {label: f"${side}_{label}" for label in _SIDE}
    where = _WHERE[:-1] if metric in _OF_ANY_MODE else _WHERE
    return f"avg by (device) ({night(metric, where, **fixed, **chosen)})"


def _b_over_a(metric: str, **fixed: str) -> str:
    return f"{_of('b', metric, **fixed)} / {_of('a', metric, **fixed)} - 1"


def _side(side: str) -> list[build.QueryVariable]:
    """B starts with the last of everything, so that two sides are there from the start."""
    made: list[build.QueryVariable] = []
    after = [*_WHERE]
    choose = variables.one if side == "a" else variables.last
    for label, word in _SIDE.items():
        name = f"{side}_{label}"
        made.append(choose(label, SESSIONS, after, name, f"{side.upper()}: {word}"))
        after.append(f"={name}:{label}")
    return made


def _courses() -> Sequence[object]:
    return [
        lines(
            title,
            f"{about} A and B on each device.",
            unit,
            [Query(_of("a", metric, **fixed), "A {{device}}"), Query(_of("b", metric, **fixed), "B {{device}}")],
            links=[TO_DEVICE],
            zero=True,
        )
        for title, metric, fixed, unit, about in _METRICS
    ]


BOARD = Board(
    "earshot-compare",
    "Earshot / Compare two configurations",
    "B beside A, on devices that were measured with both. For a verdict with its interval: earshot compare.",
    SESSIONS,
    [
        variables.several("device_model", SESSIONS),
        variables.several("device", SESSIONS, ["device_model"]),
        variables.one("model", SESSIONS, ["device_model", "device"]),
        # Of what has times; paced before flat-out, which has no latency.
        variables.last("mode", "earshot_rtf_ratio", ["device_model", "device", "=model"], "mode", "Mode"),
        *_side("a"),
        *_side("b"),
    ],
    [
        Section(
            "B over A, last night",
            [
                *(
                    figure(
                        f"{title}, B over A",
                        f"B over A minus 1, median over devices with both within {WINDOW}. Below 0 B needs less.",
                        "percentunit",
                        f"quantile(0.5, {_b_over_a(metric, **fixed)})",
                        steps=((0.0, RED),),
                        width=6,
                    )
                    for title, metric, fixed, _, _ in _METRICS[:4]
                ),
                bars(
                    "Latency p99 by device, B over A",
                    "B over A minus 1. Bars of both colours say: it depends on the device.",
                    "percentunit",
                    Query(f"sort({_b_over_a(_P99, quantile='0.99')})", "{{device}}"),
                    steps=((0.0, RED),),
                    links=[TO_DEVICE],
                ),
                rows(
                    "All figures by device, B over A",
                    "B over A minus 1; empty where a device lacks one of them.",
                    "percentunit",
                    [_b_over_a(metric, **fixed) for _, metric, fixed, _, _ in _METRICS],
                    [
                        Column("device", "device"),
                        *(
                            Column(f"Value #{'ABCDEFGH'[at]}", title, "percentunit", steps=((-1, GREEN), (0.0, RED)))
                            for at, (title, *_) in enumerate(_METRICS)
                        ),
                    ],
                    width=12,
                ),
            ],
        ),
        Section("Course", _courses()),
    ],
)
