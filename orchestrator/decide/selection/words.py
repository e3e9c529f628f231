"""How figures and ratios are said to a person."""

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import METRICS, SCORE, Estimate
from orchestrator.statistics.interval import Interval

# Metric -> what it is called, what a worse one has or is, what a better one.
NAMES = {
    "latency_p50_ms": ("median latency", "slower", "faster"),
    "latency_p99_ms": ("p99 latency", "slower in the tail", "faster in the tail"),
    "service_p50_ms": ("median service time", "slower", "faster"),
    "service_p99_ms": ("p99 service time", "slower in the tail", "faster in the tail"),
    "miss_rate": ("miss rate", "more late chunks", "fewer late chunks"),
    "rtf": ("real-time factor", "more processor time", "less processor time"),
    "peak_rss_mb": ("peak memory", "more memory", "less memory"),
    "size_mb": ("artifact size", "larger", "smaller"),
    "load_ms": ("load time", "slower to load", "faster to load"),
    "energy_mj_per_audio_s": ("energy", "more energy", "less energy"),
    "quality_loss": ("error rate", "more errors", "fewer errors"),
    "sustained_ratio": ("sustained ratio", "more slowed by heat", "less slowed by heat"),
    "streams_held": ("number of concurrent streams", "fewer streams", "more streams"),
    SCORE: ("weighted score", "worse", "better"),
}

# Nearer to 1 than this a ratio is not worth a direction.
_LEVEL = 0.005


def figure(value: float | None) -> str:
    """Three digits: 0.0123, 1.20, 12.3, 1234."""
    if value is None:
        return "not known"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def unit(metric: str) -> str:
    return "of the default's" if metric == SCORE else METRICS[metric]


def percent(share: float, sign: bool = False) -> str:
    """A share in per cent: 0.0025 is ``0.25 %``."""
    value = round(100.0 * share, 2) + 0.0
    return f"{value:+.3g} %" if sign else f"{value:.3g} %"


def interval_text(found: Interval | Estimate, confidence: float = 0.95) -> str:
    """``95 % interval 1.92..2.31``, or why there is none."""
    if found.low is None or found.high is None:
        return f"no interval: {found.reason}"
    if found.low == found.high:
        return "exactly"
    return f"{percent(confidence)} interval {figure(found.low)}..{figure(found.high)}"


def times(found: Interval, metric: str, than: str) -> str:
    """``2.10x slower than the winner, 95 % interval 1.92..2.31`` of how many times as bad it is as ``than``."""
    _, more, less = NAMES[metric]
    if found.value is None:
        return f"cannot be compared with {than}: {found.reason}"
    if abs(found.value - 1.0) < _LEVEL:
        return f"level with {than}, {interval_text(found, found.confidence)}"
    if found.value > 1.0:
        return f"{figure(found.value)}x {more} than {than}, {interval_text(found, found.confidence)}"
    inverse = _inverse(found)
    return f"{figure(inverse.value)}x {less} than {than}, {interval_text(inverse, found.confidence)}"


def _inverse(found: Interval) -> Interval:
    value, low, high = (None if x is None else 1.0 / x for x in (found.value, found.high, found.low))
    return Interval(value, low, high, found.n, found.confidence, found.reason)


def configuration(candidate: Candidate) -> str:
    """``onnx:int8-dynamic on CPU with 1 thread``, and ``held to big (4-7)``."""
    threads = "1 thread" if candidate.threads == 1 else f"{candidate.threads} threads"
    options = ", ".join(f"{k}={v}" for k, v in sorted(candidate.session_options.items()))
    provider = candidate.provider.removesuffix("ExecutionProvider")
    held = f", held to {candidate.cpus}" if candidate.affinity else ""
    return f"{candidate.recipe} on {provider} with {threads}{held}" + (f" ({options})" if options else "")
