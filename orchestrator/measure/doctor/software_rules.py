"""Versions: results are compared only within the same ones."""

from importlib import metadata

from agents.device_facts import DeviceProbe, RuntimeProbe
from orchestrator.measure.doctor.finding import HARM, INFO, OK, Finding


def rules(probe: DeviceProbe) -> list[Finding]:
    return [python(probe), *[runtime(found) for found in probe.runtimes if found.usable], *_none(probe)]


def python(probe: DeviceProbe) -> Finding:
    seen = f"Python {probe.python}, numpy {probe.numpy or 'absent'}, {probe.libc or 'unknown libc'}"
    return Finding("python", INFO, seen, "it decides which runtime versions can be had; compare only within one")


def runtime(found: RuntimeProbe, here: str | None = None) -> Finding:
    """``here``: the controller's version, with which artifacts were proven equal to their source."""
    here = here or _installed(found.name)
    seen = f"{found.version or 'unknown version'}; {', '.join(p.name for p in found.providers if p.usable)}"
    if here is None or found.version is None or here == found.version:
        return Finding(found.name, OK if here else INFO, seen)
    why = f"artifacts are proven equal to their source with {here} here: kernels and fusions may differ"
    return Finding(found.name, INFO, seen, why)


def _none(probe: DeviceProbe) -> list[Finding]:
    if any(found.usable for found in probe.runtimes):
        return []
    reasons = "; ".join(f"{found.name}: {found.reason}" for found in probe.runtimes) or "none is known"
    return [Finding("runtime", HARM, reasons, "nothing can be run", advice="earshot devices setup NAME installs one")]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
