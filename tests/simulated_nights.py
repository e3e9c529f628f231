"""Simulated nights of a lab, written to a Prometheus as Earshot writes them: for tests of dashboards and rules.

Every figure here is simulated: a level for each configuration, a factor for each device, and noise.
"""

import random
import struct
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import cramjam

from orchestrator.tell.telemetry.names import JOB

DAY_S = 86_400
# The last night ended so long before now, and each takes so long.
NIGHT_AGO_S, NIGHT_TAKES_S = 4 * 3600, 2 * 3600
LIVE_S, LIVE_STEP_S = 6 * 3600, 30
PLAN = "nightly"
_BATCH = 20_000
_OUTER = (("instance", "controller"), ("job", JOB))
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_KINDS = ("Pixel 7", "Raspberry Pi 5", "Jetson Orin Nano", "Galaxy S22", "Raspberry Pi 4")
_MODELS = {"kws": 0.002, "digits": 0.004, "vad": 0.001, "asr": 0.03, "swipe": 0.01}
_HOW = (
    ("onnxruntime", "CPUExecutionProvider", "onnx:fp32", 1.0),
    ("litert", "xnnpack", "tflite:int8(activation=i8,calibration=minmax)", 0.6),
)


@dataclass(frozen=True)
class Sample:
    name: str
    at_s: float
    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Lab:
    """``configurations`` of each device: models by ways to run them. ``end_s``: now, in s since 1970."""

    nights: int
    devices: int
    configurations: int
    end_s: float
    seed: int = 1

    def names(self) -> list[tuple[str, str]]:
        """(device, device model)"""
        return [(f"device-{at:02d}", _KINDS[at % len(_KINDS)]) for at in range(self.devices)]

    def ways(self) -> list[tuple[dict[str, str], float]]:
        """(labels, service time in s)"""
        every = [
            (
                {
                    "model": model,
                    "runtime": runtime,
                    "ep": provider,
                    "precision": precision,
                    "mode": "paced",
                    "variant": "1t chunk 320",
                },
                service_s * factor,
            )
            for model, service_s in _MODELS.items()
            for runtime, provider, precision, factor in _HOW
        ]
        return every[: self.configurations]

    def configuration(self, device: int, way: int) -> dict[str, str]:
        name, kind = self.names()[device]
        return {"device": name, "device_model": kind, **self.ways()[way][0]}

    def night_s(self, night: int) -> float:
        """When it began; 0 is the oldest."""
        return self.end_s - NIGHT_AGO_S - NIGHT_TAKES_S - (self.nights - 1 - night) * DAY_S

    def samples(self) -> Iterator[Sample]:
        """In the order of time, but for live ones, which come last."""
        noise = random.Random(self.seed)
        for night in range(self.nights):
            yield from self._night(night, noise)
        yield from self.live()

    def _night(self, night: int, noise: random.Random) -> Iterator[Sample]:
        begin_s = self.night_s(night)
        step_s = NIGHT_TAKES_S / (self.devices * self.configurations + 1)
        for device in range(self.devices):
            speed = 0.7 + 0.1 * (device % len(_KINDS))
            for way, (_, service_s) in enumerate(self.ways()):
                at_s = begin_s + step_s * (device * self.configurations + way)
                labels = self.configuration(device, way)
                yield from _session(labels, at_s, service_s * speed * noise.lognormvariate(0, 0.01), night, noise)
        yield from self.night_record(begin_s + NIGHT_TAKES_S)

    def night_record(self, at_s: float, missing: int = 0, late: int = 0) -> Iterator[Sample]:
        plan = {"plan": PLAN}
        yield Sample("earshot_night_finished_timestamp_seconds", at_s, at_s, plan)
        yield Sample("earshot_night_duration_seconds", at_s, NIGHT_TAKES_S, plan)
        yield Sample("earshot_night_devices_missing", at_s, missing, plan)
        yield Sample("earshot_night_late", at_s, late, plan)
        for outcome, count in (("finished", self.devices * self.configurations), ("failed", 0)):
            yield Sample("earshot_night_sessions", at_s, count, {**plan, "outcome": outcome})

    def live(self) -> Iterator[Sample]:
        """Of the last hours, as a scrape would give it."""
        for step in range(LIVE_S // LIVE_STEP_S + 1):
            yield from self.now(self.end_s - LIVE_S + step * LIVE_STEP_S)

    def now(
        self, at_s: float, down: Sequence[str] = (), quarantined: Sequence[str] = (), waiting_s: float | None = None
    ) -> Iterator[Sample]:
        """One scrape. ``waiting_s``: for how long the oldest sample of the outbox waits; None: none waits."""
        yield Sample("up", at_s, 1, {})
        yield Sample("earshot_build_info", at_s, 1, {"version": "0.1.0"})
        states = {"free": self.devices - len(quarantined), "held": 0, "quarantined": len(quarantined)}
        for state, count in states.items():
            yield Sample("earshot_devices", at_s, count, {"state": state})
        for device, kind in self.names():
            own = {"device": device}
            yield Sample("earshot_device_info", at_s, 1, {**own, "device_model": kind, "profile": "simulated"})
            yield Sample("earshot_device_up", at_s, device not in down, own)
            yield Sample("earshot_device_quarantined", at_s, device in quarantined, own)
            yield Sample("earshot_lease_held", at_s, 0, own)
            last_s = self.end_s - NIGHT_AGO_S
            yield Sample("earshot_device_last_seen_timestamp_seconds", at_s, last_s, own)
        yield Sample("earshot_sessions_running", at_s, 0, {})
        yield Sample("earshot_queue_sessions", at_s, 0, {"plan": PLAN})
        yield Sample("earshot_last_night_success_timestamp_seconds", at_s, self.end_s - NIGHT_AGO_S, {"plan": PLAN})
        target = {"target": "simulated"}
        yield Sample("earshot_outbox_samples", at_s, 0 if waiting_s is None else 500, target)
        if waiting_s is not None:
            yield Sample("earshot_outbox_oldest_timestamp_seconds", at_s, at_s - waiting_s, target)
        sent = at_s - self.end_s + LIVE_S
        yield Sample("earshot_outbox_sent_samples_total", at_s, max(0.0, sent), target)
        yield Sample("earshot_outbox_refused_samples_total", at_s, 0, {**target, "reason": "too old"})

    def verdict(
        self,
        kind: str,
        at_s: float,
        ratio: tuple[float, float, float],
        device: int = 0,
        way: int = 0,
        metric: str = "latency_p99_ms",
        blame: tuple[str, str, str] | None = ("model_commit", "4e1f0a9", "b87c3d2"),
    ) -> Iterator[Sample]:
        """``ratio``: new over old, with the ends of its interval. ``blame``: axis, before, after."""
        key = {**self.configuration(device, way), "metric": metric, "aspect": "level", "kind": kind}
        names = ("effect_ratio", "effect_low_ratio", "effect_high_ratio")
        for name, value in zip(names, ratio, strict=True):
            yield Sample(f"earshot_regression_{name}", at_s, value, key)
        info = {**key, "since": "2026-11-19", "confirmed_by": "" if kind == "suspect" else "re-run"}
        if blame is not None:
            info |= dict(zip(("axis", "before", "after"), blame, strict=True))
        yield Sample("earshot_regression_info", at_s, 1, info)


def _session(
    labels: Mapping[str, str], at_s: float, service_s: float, night: int, noise: random.Random
) -> Iterator[Sample]:
    def sample(name: str, value: float, **more: str) -> Sample:
        return Sample(f"earshot_{name}", at_s, value, {**labels, **more})

    def bounded(stem: str, suffix: str, value: float, **more: str) -> list[Sample]:
        ends = ((f"{stem}_{suffix}", 1.0), (f"{stem}_low_{suffix}", 0.98), (f"{stem}_high_{suffix}", 1.02))
        return [sample(name, value * factor, **more) for name, factor in ends]

    for quantile, factor in (("0.5", 1.0), ("0.99", 1.6)):
        own = service_s * factor * noise.lognormvariate(0, 0.005)
        yield from bounded("latency", "seconds", own * 1.1, quantile=quantile)
        yield from bounded("service", "seconds", own, quantile=quantile)
    yield from bounded("rtf", "ratio", service_s / 0.02)
    yield sample("miss_ratio", 0.0)
    yield sample("load_seconds", 0.05 + 3 * service_s)
    yield sample("peak_memory_bytes", 4e7 + 1e9 * service_s)
    yield sample("energy_joules_per_audio_second", 20 * service_s)
    yield sample("temperature_celsius", 45 + 5 * noise.random())
    yield sample("throttled", 0)
    yield sample("artifact_size_bytes", 250_000 if "int8" in labels["precision"] else 1_000_000)
    errors = 0.05 if "int8" in labels["precision"] else 0.04
    yield sample("error_ratio", errors, metric="wer", mode="evaluate")
    yield sample("streams_held", int(0.02 / service_s) + 1, mode="multi")
    session = f"{labels['device']}-{labels['model']}-{labels['runtime']}-{night}"
    yield sample(
        "session_info",
        1,
        session_id=session,
        study_id=f"night-{night}",
        artifact="0123456789ab",
        commit="b87c3d2",
        outcome="ok",
        verdict="valid",
    )


def write(samples: Iterable[Sample], url: str) -> int:
    """By remote write, in the order in which they come; how many. Fails where the server does not take them all."""
    todo = iter(samples)
    sent = 0
    while batch := list(islice(todo, _BATCH)):
        asked = urllib.request.Request(f"{url}/api/v1/write", data=_request(batch), headers=_HEADERS)
        with urllib.request.urlopen(asked, timeout=120) as answer:
            assert answer.status == 204
        sent += len(batch)
    return sent


def _request(batch: Iterable[Sample]) -> bytes:
    """Of remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec), with a series for each sample, and not by
    the code that is tested elsewhere: what a dashboard shows must not hang on how fast that is made.
    """
    return bytes(cramjam.snappy.compress_raw(b"".join(_message(1, _series(sample)) for sample in batch)))


def _series(sample: Sample) -> bytes:
    pairs = sorted({"__name__": sample.name, **dict(_OUTER), **sample.labels}.items())
    labels = b"".join(_label(name, value) for name, value in pairs if value)
    at = b"\x10" + _varint(int(sample.at_s * 1000))
    return labels + _message(2, b"\x09" + struct.pack("<d", sample.value) + at)


@cache
def _label(name: str, value: str) -> bytes:
    return _message(1, _message(1, name.encode()) + _message(2, value.encode()))


def _message(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
