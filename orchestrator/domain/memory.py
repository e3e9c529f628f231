"""Memory of a session's phases, in words."""

from agents import wire

_MB = 1e6


def told(phase: wire.PhaseMemory) -> str:
    """How the peak is known and what it was made of at the phase's end."""
    parts = [_method(phase), _split(phase)]
    if phase.available_drop_bytes is not None:
        parts.append(f"MemAvailable fell by {_mb(phase.available_drop_bytes)} (CPU and GPU share it)")
    return "; ".join(part for part in parts if part)


def _method(phase: wire.PhaseMemory) -> str:
    if phase.peak_bytes is None:
        return "/proc says nothing of it"
    if phase.method == wire.HWM_RESET:
        return "peak reset at its start"
    if phase.method == wire.HWM_ROSE:
        return "the peak rose in it; the kernel does not reset it"
    if phase.method == wire.SAMPLED:
        bound = "" if phase.at_most_bytes is None else f", at most {_mb(phase.at_most_bytes)}"
        return f"sampled: at least this{bound}, {phase.readings} readings"
    return f"{phase.method}: since the process began"


def _split(phase: wire.PhaseMemory) -> str:
    known = {"anonymous": phase.rss_anon_bytes, "of files": phase.rss_file_bytes}
    parts = [f"{_mb(value)} {name}" for name, value in known.items() if value is not None]
    return f"in the end {', '.join(parts)}" if parts else ""


def _mb(value: int) -> str:
    return f"{value / _MB:.1f} MB"
