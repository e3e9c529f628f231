"""What else the device is doing: other processes, memory, swap, disk."""

from agents.doctor.facts import DoctorFacts
from orchestrator.measure.doctor.finding import HARM, INFO, OK, UNKNOWN, WARN, Finding, unknown

# Share of all cores that others may use: below it a session's median does not move beyond the noise of a quiet device.
_QUIET_SHARE, _LOUD_SHARE = 0.02, 0.10
_LITTLE_MEMORY_BYTES = 200 << 20
_LITTLE_DISK_BYTES, _TIGHT_DISK_BYTES = 200 << 20, 1 << 30


def rules(facts: DoctorFacts, name: str) -> list[Finding]:
    return [background(facts), memory(facts), swap(facts), disk(facts, name)]


def background(facts: DoctorFacts) -> Finding:
    """Others on the CPU: chunks wait for a core, and caches are not ours."""
    named = ", ".join(f"{p.name} (pid {p.pid}) {p.cores:.0%} of a core" for p in facts.busy[:5])
    share = facts.state.background_cpu_share
    hidden = facts.absent.get("busy-processes")
    who = f"; {named}" if named else "; no process that lasted stands out"
    if hidden:
        who += f" ({hidden})"
    if share is None:
        return Finding("background-load", UNKNOWN, facts.absent.get("background-load", "cannot be read") + who)
    seen = f"{share:.1%} of all cores over {facts.state.background_window_s:.1f} s{who}"
    if share < _QUIET_SHARE:
        return Finding("background-load", OK, seen)
    why = f"others hold {share * facts.cpu.online:.2f} of {facts.cpu.online} cores: chunks wait for a core"
    advice = "stop them for the time of the measurement: systemctl stop NAME, or close the application"
    return Finding("background-load", HARM if share >= _LOUD_SHARE else WARN, seen, why, advice=advice)


def memory(facts: DoctorFacts) -> Finding:
    available = facts.state.memory_available_bytes
    if available is None:
        return unknown("memory", "/proc/meminfo tells no MemAvailable")
    seen = f"{available / 2**20:.0f} MiB available"
    if available >= _LITTLE_MEMORY_BYTES:
        return Finding("memory", OK, seen)
    why = "a model that does not fit beside the rest is paged out or killed"
    return Finding("memory", HARM, seen, why, advice="stop what holds memory: ps aux --sort=-rss")


def swap(facts: DoctorFacts) -> Finding:
    if facts.swap is None:
        return unknown("swap", facts.absent.get("swap", "cannot be read"))
    if not facts.swap.total_bytes:
        return Finding("swap", OK, "no swap")
    seen = f"{facts.swap.used_bytes / 2**20:.0f} of {facts.swap.total_bytes / 2**20:.0f} MiB used"
    rate = facts.swap.pages_per_s
    seen += f", {rate:.0f} pages/s move" if rate is not None else ", traffic unknown"
    if rate:
        why = "pages of the session may be on disk: each costs a chunk milliseconds"
        return Finding("swap", HARM, seen, why, advice="free memory, then: sudo swapoff -a (sudo swapon -a undoes it)")
    if facts.swap.used_bytes:
        why = "memory was short before; nothing moves now"
        return Finding("swap", WARN if rate is None else INFO, seen, why)
    return Finding("swap", OK, seen)


def disk(facts: DoctorFacts, name: str) -> Finding:
    free = facts.state.disk_free_bytes
    if free is None:
        return unknown("disk", "the agent's file system does not tell its free space")
    seen = f"{free / 2**20:.0f} MiB free where the agent keeps its files"
    if free >= _TIGHT_DISK_BYTES:
        return Finding("disk", OK, seen)
    advice = f"earshot devices clean {name} --blobs"
    if free >= _LITTLE_DISK_BYTES:
        return Finding("disk", WARN, seen, "models and journals of a long study may not fit", advice=advice)
    return Finding("disk", HARM, seen, "sessions fail when their journal cannot be written", advice=advice)
