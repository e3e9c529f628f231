"""What a vendor's own benchmark tool said: a closed loop on made-up input, ranked with no streaming session."""

import re
from dataclasses import dataclass, field

from agents.device_facts import DeviceProbe

CLOSED_LOOP = "closed-loop"
TOOLS = ("benchmark_model", "executor_runner", "onnxruntime_perf_test")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ClosedLoop:
    """Times of ``runs`` inferences back to back, in ns, as far as the tool tells them; None where it does not.

    ``load_ns``: until the model can run; ``first_ns``: the first inference. Neither is in the others. The next input
    is issued when the last one is done, so a stall is one slow run here where a listener waits through many chunks.
    """

    runs: int
    mean_ns: float
    min_ns: float | None = None
    max_ns: float | None = None
    std_ns: float | None = None
    p50_ns: float | None = None
    p90_ns: float | None = None
    p95_ns: float | None = None
    p99_ns: float | None = None
    load_ns: float | None = None
    first_ns: float | None = None
    warmup_mean_ns: float | None = None
    peak_memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise ValueError(f"runs must be > 0, got {self.runs}")
        if not 0 <= self.mean_ns < float("inf"):
            raise ValueError(f"mean_ns must be >= 0 and finite, got {self.mean_ns}")


@dataclass(frozen=True)
class NativeSession:
    """One run of a tool on a device. ``times`` is None where it failed, and ``reason`` says why.

    ``output_tail``: the end of what it printed. ``probe``: the device as its shell tells it.
    """

    session_id: str
    tool: str
    tool_sha256: str
    model: str
    model_sha256: str
    threads: int
    arguments: tuple[str, ...]
    device: str
    device_model: str
    transport: str
    probe: DeviceProbe
    started_utc: str
    duration_s: float
    times: ClosedLoop | None = None
    reason: str | None = None
    output_tail: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    mode: str = CLOSED_LOOP

    def __post_init__(self) -> None:
        if self.tool not in TOOLS:
            raise ValueError(f"tool must be one of {', '.join(TOOLS)}, got {self.tool!r}")
        if self.mode != CLOSED_LOOP:
            raise ValueError(f"mode must be {CLOSED_LOOP}, got {self.mode!r}")
        if (self.times is None) == (self.reason is None):
            raise ValueError("either times, or the reason why there are none")
        for name in ("tool_sha256", "model_sha256"):
            if not _SHA256.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be 64 hex digits, got {getattr(self, name)!r}")

    @property
    def ok(self) -> bool:
        return self.times is not None
