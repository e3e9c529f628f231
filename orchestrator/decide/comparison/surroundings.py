"""All that must be alike before two sets of runs are compared, as text by name."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agents.cpu_list import cpu_list
from agents.device_facts import DeviceState
from orchestrator.domain.session import Environment, Session

# Hotter than this beside the other: the cool-down between sessions holds a device within 3 C, and sensors step by 1 C.
UNLIKE_C = 5.0
# So much more of all cores was taken by something else.
UNLIKE_LOAD = 0.10
NOT_KNOWN = "not known"
CPUS, CAP = "CPU affinity", "highest clock allowed"
_OF_ENVIRONMENT = ("Python environment", "numpy")


@dataclass(frozen=True)
class Unlike:
    """A field in which the two differ, with the values that either had."""

    name: str
    a: str
    b: str


def of_place(environment: Environment) -> dict[str, str]:
    """What stays until someone changes the device or how it is reached."""
    probe = environment.probe
    return {
        "device": environment.device,
        "device model": environment.device_model,
        "device unit": _text(probe.unit),
        "agent": environment.agent_sha256[:12],
        "reached by": environment.transport,
        "execution context": probe.context,
        "Python environment": environment.python_environment or "the device's own",
        "Python": probe.python,
        "numpy": _text(probe.numpy),
        "SoC": _text(probe.soc),
        "machine": probe.machine,
        "cores": str(len(probe.cores)),
        "memory": _text(probe.memory_bytes),
        "OS": probe.os,
        "OS build": _text(probe.build),
        "drivers": ", ".join(f"{name} {version}" for name, version in sorted(probe.drivers.items())) or "none told",
        "kernel": probe.kernel,
        "libc": _text(probe.libc),
        "emulated or virtual": probe.virtual or "no",
        "isolation": ", ".join(step.name for step in environment.isolation if step.done) or "none",
    }


def of_state(state: DeviceState | None) -> dict[str, str]:
    """What is set on the device rather than happens to it."""
    now = state or DeviceState()
    return {
        "governor": _text(now.governor),
        "clocks locked": _text(now.clocks_locked),
        CAP: ", ".join(f"{hz / 1e9:.2f} GHz" for hz in now.max_frequency_hz) or NOT_KNOWN,
        "power mode": _text(now.power_mode),
        "power save": _text(now.power_save),
        "charging": _text(now.charging),
        "screen on": _text(now.screen_on),
        "doze": _text(now.doze),
    }


def of_session(session: Session) -> dict[str, str]:
    planned, result = session.planned, session.result
    runtime, within = planned.candidate.runtime, planned.candidate.environment
    # A candidate of another environment is another build on purpose: that is what is compared, not where.
    build = runtime if within is None else f"{runtime} of {within}"
    place = of_place(session.environment)
    if within is not None:
        place = {f"{name} of {within}" if name in _OF_ENVIRONMENT else name: text for name, text in place.items()}
    return {
        "model": planned.candidate.model,
        "mode": planned.mode,
        "chunk": f"{planned.candidate.chunk_samples} samples",
        "deadline": _deadline(planned.deadline_ns),
        "ring policy": result.policy,
        "arrivals": "of a trace" if result.traced else "one chunk apart",
        "audio": NOT_KNOWN if result.audio_sha256 is None else f"sha256 {result.audio_sha256[:16]}",
        CPUS: cpu_list(result.scheduling.cpus_used) or NOT_KNOWN if result.scheduling else NOT_KNOWN,
        "priority": result.scheduling.priority_used or NOT_KNOWN if result.scheduling else NOT_KNOWN,
        **place,
        f"{build} version": _text(result.runtime_version),
        f"{build} build": _text(result.runtime_build),
        **of_state(result.before),
    }


def _deadline(deadline_ns: int | None) -> str:
    return "one chunk" if deadline_ns is None else f"{deadline_ns / 1e6:g} ms"


def unlike(a: Sequence[Session], b: Sequence[Session], *, at_once: bool = False) -> tuple[Unlike, ...]:
    """Every field in which the sessions of one side are not those of the other. A runtime that only one side has is
    what is compared, not where; so are CPUs that candidates of one study were held to. ``at_once``: each was the
    other's load, so that what wanders cannot differ. Nor can it where the two took turns: that is what turns are for.
    A clock's cap wanders too where heat lowers it.
    """
    mine, theirs = _values(a), _values(b)
    turns = at_once or _took_turns(a, b)
    left_out = ({CAP} | ({CPUS} if _held(a) != _held(b) else set())) if turns else set()
    found = [Unlike(n, _both(mine[n]), _both(theirs[n])) for n in mine if n in theirs and n not in left_out]
    wandering = [] if turns else _drifted(a, b)
    return (*(each for each in found if each.a != each.b), *wandering)


def _took_turns(a: Sequence[Session], b: Sequence[Session]) -> bool:
    """Both ran in the same blocks of one study."""
    mine, theirs = ({(s.planned.study_id, s.planned.block) for s in side} for side in (a, b))
    return mine == theirs and len({study for study, _ in mine}) == 1


def _held(sessions: Sequence[Session]) -> set[tuple[int, ...]]:
    return {session.planned.candidate.affinity for session in sessions}


def _values(sessions: Iterable[Session]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for session in sessions:
        for name, value in of_session(session).items():
            found.setdefault(name, set()).add(value)
    return found


def _both(values: set[str]) -> str:
    return " and ".join(sorted(values))


def _drifted(a: Sequence[Session], b: Sequence[Session]) -> list[Unlike]:
    """What wanders from session to session is unlike where the medians are far apart."""
    wanders: tuple[tuple[str, Callable[[DeviceState], float | None], float, str], ...] = (
        ("temperature before", _hottest_c, UNLIKE_C, "{:.0f} C"),
        ("load of everything else", lambda state: state.background_cpu_share, UNLIKE_LOAD, "{:.0%} of all cores"),
    )
    found = []
    for name, read, most, form in wanders:
        mine, theirs = _median(a, read), _median(b, read)
        if mine is not None and theirs is not None and abs(mine - theirs) > most:
            found.append(Unlike(name, form.format(mine), form.format(theirs)))
        elif (mine is None) != (theirs is None):
            found.append(Unlike(name, *(NOT_KNOWN if x is None else form.format(x) for x in (mine, theirs))))
    return found


def _hottest_c(state: DeviceState) -> float | None:
    return max(state.temperature_c.values(), default=None)


def _median(sessions: Sequence[Session], read: Callable[[DeviceState], float | None]) -> float | None:
    found = [read(s.result.before) for s in sessions if s.result.before is not None]
    known = [value for value in found if value is not None]
    return statistics.median(known) if known else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOT_KNOWN if value is None else str(value)
