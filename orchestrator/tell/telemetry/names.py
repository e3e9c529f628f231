"""Every metric that Earshot tells Prometheus: its name, type, unit, labels and meaning. docs/reference/metrics.md is
made of this, and nothing is sent or served that is not in it.

Names follow prometheus.io/docs/practices/naming: base units, ``_total`` for counters, ``_info`` for identity. The label
``quantile`` belongs to summaries (promtool check metrics), so what has it is one, with no sum and count.
"""

import re
from dataclasses import dataclass

GAUGE, COUNTER, SUMMARY, INFO, HISTOGRAM = "gauge", "counter", "summary", "info", "histogram"
KINDS = (GAUGE, COUNTER, SUMMARY, INFO, HISTOGRAM)
# What a metric is of. The first three are written with the time at which they were measured, the last one is scraped.
SESSION, VERDICT, NIGHT, LIVE = "session", "verdict", "night", "live"
SOURCES = (SESSION, VERDICT, NIGHT, LIVE)

# One configuration on one device: the labels of a series of nights. ``variant``: threads, chunk, options and CPUs.
CONFIGURATION = ("device_model", "device", "model", "runtime", "ep", "precision", "mode", "variant")
QUANTILES = (0.5, 0.99)
JOB = "earshot"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Metric:
    """``unit``: a base unit, ratio, or empty for counts, flags and identity. ``labels``: without job and instance."""

    name: str
    kind: str
    unit: str
    source: str
    labels: tuple[str, ...]
    help: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.source not in SOURCES:
            raise ValueError(f"{self.name}: kind must be one of {KINDS} and source one of {SOURCES}")
        if not _NAME.fullmatch(self.name) or not all(_LABEL.fullmatch(label) for label in self.labels):
            raise ValueError(f"{self.name!r} or one of its labels {self.labels} is no name of Prometheus's")
        if (self.kind == COUNTER) != self.name.endswith("_total") or (self.kind == INFO) != self.name.endswith("_info"):
            raise ValueError(f"{self.name} is a {self.kind}: counters end in _total, identity in _info")
        if (self.kind == SUMMARY) != ("quantile" in self.labels):
            raise ValueError(f"{self.name}: a summary has the label quantile, and nothing else does")


def _bounded(
    name: str, kind: str, unit: str, help_: str, more: tuple[str, ...] = (), source: str = SESSION
) -> list[Metric]:
    """A figure with the ends of its 95 % interval, as three metrics with the same labels."""
    stem, suffix = (name.removesuffix(f"_{unit}"), f"_{unit}") if unit and name.endswith(f"_{unit}") else (name, "")
    labels = (*CONFIGURATION, *more)
    return [
        Metric(name, kind, unit, source, labels, help_),
        Metric(f"{stem}_low{suffix}", kind, unit, source, labels, f"Lower end of the 95 % interval of {name}."),
        Metric(f"{stem}_high{suffix}", kind, unit, source, labels, f"Upper end of the 95 % interval of {name}."),
    ]


def _session(name: str, unit: str, help_: str, more: tuple[str, ...] = (), kind: str = GAUGE) -> Metric:
    return Metric(name, kind, unit, SESSION, (*CONFIGURATION, *more), help_)


def _live(name: str, unit: str, help_: str, labels: tuple[str, ...] = (), kind: str = GAUGE) -> Metric:
    return Metric(name, kind, unit, LIVE, labels, help_)


def _night(name: str, unit: str, help_: str, more: tuple[str, ...] = ()) -> Metric:
    return Metric(name, GAUGE, unit, NIGHT, ("plan", *more), help_)


_OF_SESSIONS = [
    *_bounded(
        "earshot_latency_seconds",
        SUMMARY,
        "seconds",
        "Latency from intended arrival to output, exact quantile over the chunks of one paced session after warm-up.",
        ("quantile",),
    ),
    *_bounded(
        "earshot_service_seconds",
        SUMMARY,
        "seconds",
        "Service time of a chunk, exact quantile over the chunks of one session after warm-up.",
        ("quantile",),
    ),
    *_bounded(
        "earshot_rtf_ratio",
        GAUGE,
        "ratio",
        "Real-time factor of one session: service time over duration of its audio. Lower is better.",
    ),
    _session("earshot_miss_ratio", "ratio", "Share of a paced session's chunks that were later than their deadline."),
    _session("earshot_load_seconds", "seconds", "Time to load the model in the session's process."),
    _session("earshot_peak_memory_bytes", "bytes", "Highest memory of the session's process while it streamed."),
    _session(
        "earshot_energy_joules_per_audio_second",
        "joules_per_audio_second",
        "Net energy per second of audio, above the idle device.",
    ),
    _session("earshot_temperature_celsius", "celsius", "Hottest sensor of the device when the session ended."),
    _session(
        "earshot_throttled", "", "1 where a throttle flag of the device was set before or after the session, else 0."
    ),
    _session("earshot_artifact_size_bytes", "bytes", "Size of the artifact that ran."),
    _session(
        "earshot_error_ratio",
        "ratio",
        "Errors over items of the evaluation that ran on the device; label metric names the task's metric.",
        ("metric",),
    ),
    _session(
        "earshot_streams_held", "", "Concurrent streams that the device held within the miss budget, as is sure of it."
    ),
    _session(
        "earshot_latency_distribution_seconds",
        "seconds",
        "Latencies of one paced session after warm-up; native histogram of schema 5, only while it is fresh.",
        kind=HISTOGRAM,
    ),
    _session(
        "earshot_session_info",
        "",
        "1 for each session that ended: its identity, which no other series has as labels.",
        ("session_id", "study_id", "artifact", "commit", "outcome", "verdict"),
        INFO,
    ),
]

_OF_VERDICTS = [
    *_bounded(
        "earshot_regression_effect_ratio",
        GAUGE,
        "ratio",
        "New level over old level of a watched metric that changed. Kind: suspect, regression, improvement, "
        "device-drift or lab-drift; aspect: level or spread.",
        ("metric", "aspect", "kind"),
        VERDICT,
    ),
    Metric(
        "earshot_regression_difference_ratio",
        GAUGE,
        "ratio",
        VERDICT,
        (*CONFIGURATION, "metric", "aspect", "kind"),
        "New minus old share of a watched metric that was 0 before, so that there is no ratio to it.",
    ),
    Metric(
        "earshot_regression_info",
        INFO,
        "",
        VERDICT,
        (*CONFIGURATION, "metric", "aspect", "kind", "axis", "before", "after", "since", "confirmed_by"),
        "1 for each verdict of a night: what may be to blame for it and since when.",
    ),
]

_OF_NIGHTS = [
    _night("earshot_night_finished_timestamp_seconds", "seconds", "When a night ended."),
    _night("earshot_night_duration_seconds", "seconds", "How long a night took."),
    _night("earshot_night_sessions", "", "Sessions of a night by outcome.", ("outcome",)),
    _night("earshot_night_devices_missing", "", "Devices of the plan that a night could not measure."),
    _night("earshot_night_late", "", "1 where a night ended after the hour that its plan gives it, else 0."),
]

_LIVE = [
    _live("earshot_devices", "", "Devices by state: free, held, quarantined.", ("state",)),
    _live("earshot_device_info", "", "1 for each device of the lab.", ("device", "device_model", "profile"), INFO),
    _live("earshot_device_up", "", "1 where the last contact with a device went well, 0 where it failed.", ("device",)),
    _live("earshot_device_quarantined", "", "1 where a device is in quarantine, else 0.", ("device",)),
    _live(
        "earshot_device_last_seen_timestamp_seconds", "seconds", "When a device began its newest session.", ("device",)
    ),
    _live("earshot_lease_held", "", "1 where somebody has a device now, else 0.", ("device",)),
    _live("earshot_sessions_running", "", "Devices on which a process of Earshot is at work now."),
    _live("earshot_queue_sessions", "", "Sessions that a running night still has to do.", ("plan",)),
    _live("earshot_outbox_samples", "", "Samples that wait to be written to a server.", ("target",)),
    _live(
        "earshot_outbox_oldest_timestamp_seconds",
        "seconds",
        "Time of the oldest sample or session that waits; absent where none does.",
        ("target",),
    ),
    _live("earshot_outbox_untold_sessions", "", "Sessions that ended and are not in the outbox: nobody pushes."),
    _live("earshot_outbox_sent_samples_total", "", "Samples that a server has taken.", ("target",), COUNTER),
    _live(
        "earshot_outbox_refused_samples_total",
        "",
        "Samples that a server will never take. Reason: too-old, out-of-order, duplicate, too-large or refused.",
        ("target", "reason"),
        COUNTER,
    ),
    _live(
        "earshot_last_night_success_timestamp_seconds",
        "seconds",
        "When a plan's last night ended with all of its devices.",
        ("plan",),
    ),
    _live("earshot_build_info", "", "1, with the version of Earshot that answers.", ("version",), INFO),
]

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_OF_SESSIONS, *_OF_VERDICTS, *_OF_NIGHTS, *_LIVE)}


def of_source(source: str) -> list[Metric]:
    return [metric for metric in METRICS.values() if metric.source == source]
