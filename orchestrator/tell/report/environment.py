"""Where the sessions ran."""

from collections import Counter
from collections.abc import Sequence

from agents.device_facts import NOT_IN_BUILD, Core, DeviceProbe, DeviceState, ProviderProbe, RuntimeProbe
from orchestrator.domain.session import Environment, Session
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.facts import Fact, joined
from orchestrator.tell.report.numbers import percent, significant, size
from orchestrator.tell.report.tables import Cell, Heading, Row, Table, text

_UNITS = {"c": "°C", "hz": "Hz", "w": "W", "mw": "mW", "j": "J", "v": "V", "a": "A", "bytes": "bytes"}


def environment_facts(content: ReportContent) -> list[Fact]:
    """Of the first session, and whether the others ran in the same one."""
    if not content.sessions:
        return [Fact("Environment", "no session ran", absent=True)]
    environment = content.sessions[0].environment
    return [
        *_machine(environment),
        *_isolation(environment),
        *_condition([s.result.before for s in content.sessions if s.result.before]),
        *_temperatures(content.sessions),
        _sameness([s.environment for s in content.sessions]),
    ]


def _machine(environment: Environment) -> list[Fact]:
    probe = environment.probe
    memory, unit = probe.memory_bytes, f", unit {probe.unit}" if probe.unit else ""
    return [
        Fact("Device", environment.device, f"reached by {environment.transport}, agent run from {probe.context}{unit}"),
        Fact("Model", environment.device_model, _instead_of_hardware(environment)),
        _or_absent("SoC", probe.soc, "the device does not name it"),
        Fact("Cores", _cores(probe), probe.machine),
        _or_absent("Memory", size(memory) if memory else None, "the device does not tell"),
        Fact("Operating system", probe.os, f"kernel {probe.kernel}"),
        *_drivers(probe),
        Fact(
            "Python",
            probe.python,
            joined(
                [*_own_environment(environment), f"numpy {probe.numpy or 'absent'}", probe.libc or "libc not known"]
            ),
        ),
    ]


def _isolation(environment: Environment) -> list[Fact]:
    """What was done to keep all else away from the sessions, and what could not be; nothing where nobody asked."""
    return [
        Fact(f"Isolation: {step.name}", step.detail if step.done else f"not done: {step.detail}", absent=not step.done)
        for step in environment.isolation
    ]


def _drivers(probe: DeviceProbe) -> list[Fact]:
    named = joined(f"{name} {version}" for name, version in sorted(probe.drivers.items()))
    return [Fact("Drivers", named)] if named else []


def _instead_of_hardware(environment: Environment) -> str:
    if environment.emulated:
        return f"emulated ({environment.probe.virtual}): no time here says anything about a device"
    return f"virtual: {environment.probe.virtual}" if environment.probe.virtual else ""


def _own_environment(environment: Environment) -> list[str]:
    return [f"environment {environment.python_environment}"] if environment.python_environment else []


def _or_absent(name: str, value: str | None, reason: str) -> Fact:
    return Fact(name, f"not known: {reason}", absent=True) if value is None else Fact(name, value)


def _cores(probe: DeviceProbe) -> str:
    """For example ``4 × Cortex-A55 at 1.8 GHz (cluster 0), 4 × Cortex-A76 at 2.26 GHz (cluster 1)``."""
    clusters: dict[int, list[Core]] = {}
    for core in probe.cores:
        clusters.setdefault(core.cluster, []).append(core)
    return joined(_cluster(number, cores) for number, cores in sorted(clusters.items())) or "not known"


def _cluster(number: int, cores: list[Core]) -> str:
    top = cores[0].max_hz
    speed = f" up to {significant(top / 1e9)} GHz" if top else ", top frequency not known"
    return f"{len(cores)} × {cores[0].part}{speed} (cluster {number})"


def _condition(states: list[DeviceState]) -> list[Fact]:
    if not states:
        return [Fact("Condition", "not read: no session reported the device's state", absent=True)]
    governors = sorted({s.governor for s in states if s.governor})
    load = [s.background_cpu_share for s in states if s.background_cpu_share is not None]
    throttled = [s for s in states if s.throttled]
    known = [s for s in states if s.throttled is not None]
    return [
        _or_absent("Governor", joined(governors) or None, "no cpufreq on this device"),
        _or_absent("Background load", f"up to {percent(max(load))} of all cores" if load else None, "not readable"),
        Fact("Throttled", f"in {len(throttled)} of {len(known)} sessions", known[0].throttled_source)
        if known
        else Fact("Throttled", f"not known: {states[0].throttled_source}", absent=True),
    ]


def _temperatures(sessions: Sequence[Session]) -> list[Fact]:
    read: dict[str, list[float]] = {}
    for session in sessions:
        for state in (session.result.before, session.result.after):
            for zone, value in (state.temperature_c if state else {}).items():
                read.setdefault(zone, []).append(value)
    if not read:
        return [Fact("Temperature", "not measured: no thermal zone could be read", absent=True)]
    return [
        Fact(
            "Temperature",
            joined(f"{z} {min(v):.0f} … {max(v):.0f} °C" for z, v in sorted(read.items())),
            "all sessions",
        )
    ]


def _reach(celsius: list[float]) -> str:
    return f"{min(celsius):.0f} … {max(celsius):.0f} °C"


def _sameness(environments: list[Environment]) -> Fact:
    agents = Counter(e.agent_sha256 for e in environments)
    systems = {(e.device, e.device_model, e.transport, e.probe.os, e.probe.kernel) for e in environments}
    alike = len(agents) == 1 and len(systems) == 1
    value = "all sessions ran in this one" if alike else f"{len(agents)} agents on {len(systems)} systems"
    return Fact("Environment", value, joined(f"agent {sha[:12]}: {n} sessions" for sha, n in agents.items()))


def runtime_table(content: ReportContent) -> Table | None:
    """Runtimes and providers of the device in each Python environment, usable or why not. None where no session ran."""
    if not content.sessions:
        return None
    probes = {s.planned.candidate.environment: s.environment.probe for s in content.sessions}
    rows = [row for name, probe in probes.items() for runtime in probe.runtimes for row in _runtime(runtime, name)]
    return Table("runtimes", "Runtimes and their providers", (Heading("Name"), Heading("Usable")), tuple(rows))


def _runtime(runtime: RuntimeProbe, environment: str | None) -> list[Row]:
    """Those of its providers that the build does not even have share a row."""
    version = joined(p for p in (runtime.version, runtime.build) if p)
    name = runtime.name if environment is None else f"{runtime.name} in {environment}"
    tried = [p for p in runtime.providers if not (p.reason or "").startswith(NOT_IN_BUILD)]
    others = [p for p in runtime.providers if p not in tried]
    rows = [Row((text(name, version), _usable(runtime.usable, runtime.reason)))]
    rows += [Row((Cell(_short(p), kind="child"), _usable(p.usable, p.reason or p.emulated))) for p in tried]
    if others:
        reasons = "; ".join(f"{_short(p)}: {p.reason}" for p in others)
        cell = Cell("no", NOT_IN_BUILD, title=reasons, kind="absent")
        rows.append(Row((Cell(", ".join(map(_short, others)), kind="child"), cell)))
    return rows


def _short(provider: ProviderProbe) -> str:
    return provider.name.removesuffix("ExecutionProvider")


def sensor_table(content: ReportContent) -> Table | None:
    """Sensors of the device, or why there is none. None where no session ran."""
    if not content.sessions:
        return None
    rows = tuple(
        Row((text(s.name), text(_quantity(s.quantity), s.scope or ""), _usable(s.usable, s.reason)))
        for s in content.sessions[0].environment.probe.sensors
    )
    return Table("sensors", "Sensors", (Heading("Sensor"), Heading("Reads"), Heading("Usable")), rows)


def _quantity(name: str) -> str:
    """``temperature_c`` -> ``temperature, °C``."""
    words, _, unit = name.rpartition("_")
    return f"{words.replace('_', ' ')}, {_UNITS[unit]}" if unit in _UNITS else name.replace("_", " ")


def _usable(usable: bool, reason: str | None) -> Cell:
    return text("yes", reason or "") if usable else Cell("no", reason or "no reason given", kind="absent")
