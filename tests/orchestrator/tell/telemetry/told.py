"""What sessions tell, made up: a device, a configuration and a night each."""

from collections.abc import Iterator

from orchestrator.tell.telemetry.told import Labels, Sample, Told

# A Saturday at midnight UTC.
FIRST_MS = 1_788_566_400_000
DAY_MS, MINUTE_MS = 86_400_000, 60_000


def labels(device: int = 0, threads: int = 1) -> Labels:
    return (
        ("device_model", "Raspberry Pi 5 Model B Rev 1.0"),
        ("device", f"pi5-{device}"),
        ("model", "kws"),
        ("runtime", "onnxruntime"),
        ("ep", "CPUExecutionProvider"),
        ("precision", "onnx:int8-qdq(activation=u8)"),
        ("mode", "paced"),
        ("variant", f"{threads}t chunk 320"),
    )


def told(number: int, at_ms: int | None = None, device: int = 0, threads: int = 1) -> Told:
    """20 samples, the one of the p99 with an exemplar."""
    session_id = f"night-{number}-pi5-{device}-paced-0-0-1b32c2-66c340d48428da3{threads}"
    identity = {"session_id": session_id, "study_id": f"night-{number}", "artifact": "abcdef012345", "commit": "c"}
    samples = [Sample("earshot_session_info", 1.0, (*identity.items(), ("outcome", "ok"), ("verdict", "valid")))]
    samples += list(_figures(number))
    at_ms = FIRST_MS + number * MINUTE_MS if at_ms is None else at_ms
    marked = next(
        n for n, s in enumerate(samples) if s == Sample("earshot_latency_seconds", s.value, (("quantile", "0.99"),))
    )
    return Told(
        f"session:{session_id}", at_ms, labels(device, threads), tuple(samples), marked, (("session_id", session_id),)
    )


def _figures(number: int) -> Iterator[Sample]:
    level = 0.002 + number * 1e-6
    for what in ("latency", "service"):
        for end in ("", "_low", "_high"):
            for quantile in ("0.5", "0.99"):
                yield Sample(f"earshot_{what}{end}_seconds", level, (("quantile", quantile),))
    for name in ("rtf_ratio", "rtf_low_ratio", "rtf_high_ratio", "miss_ratio", "load_seconds"):
        yield Sample(f"earshot_{name}", level * 50)
    yield Sample("earshot_peak_memory_bytes", 4e7)
    yield Sample("earshot_artifact_size_bytes", 8e5)
