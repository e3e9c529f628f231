"""Why a device cannot be used yet, and what would make it ready."""

from collections.abc import Sequence
from typing import Any

from agents.device_facts import DeviceProbe
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.deploy.device_check import OLDEST
from orchestrator.measure.transports.base import NO_ROOM, no_room


def no_python(name: str, tried: Sequence[str], found: Sequence[dict[str, Any]]) -> DeviceNotReady:
    """``found``: what each Python that there is said of itself (``device_check.look``); none of them is fit."""
    oldest = ".".join(map(str, OLDEST))
    new_enough = [f for f in found if tuple(f["version"][:2]) >= OLDEST]
    if new_enough:
        python = new_enough[0]["python"]
        return DeviceNotReady(
            f"no numpy for {python} on {name}",
            hint=f"earshot devices setup {name} brings it; or there: {python} -m pip install numpy onnxruntime",
        )
    if found:
        versions = ", ".join(sorted({".".join(map(str, f["version"])) for f in found}))
        return DeviceNotReady(
            f"Python on {name} is too old: found {versions}, need {oldest}",
            hint=f"install Python {oldest} or newer there, or: earshot devices setup {name} --python-archive FILE",
        )
    return DeviceNotReady(
        f"no Python on {name}: tried {', '.join(tried)}",
        hint=f"earshot devices setup {name} --python-archive FILE brings one; or set python in lab.toml to "
        "the full path of one that is there",
    )


def no_environment(name: str, environment: str) -> DeviceNotReady:
    return DeviceNotReady(
        f"the environment {environment} is not on {name}, or its Python has gone",
        hint=f"earshot devices setup {name} --environment {environment}",
    )


def cannot_write(name: str, root: str, reason: str) -> DeviceNotReady:
    if any(text in reason for text in NO_ROOM):
        return no_room(name, root)
    return DeviceNotReady(
        f"cannot use {root} on {name}: {reason}", hint="set root in lab.toml to a folder that can be written there"
    )


def require_runtime(name: str, python: str, probe: DeviceProbe) -> None:
    """Raises DeviceNotReady with each runtime's reason where none is usable."""
    if any(runtime.usable for runtime in probe.runtimes):
        return
    reasons = "; ".join(f"{r.name}: {r.reason}" for r in probe.runtimes) or "none is known"
    raise DeviceNotReady(
        f"no usable runtime for {python} on {name}: {reasons}",
        hint=f"earshot devices setup {name} brings one; or there: {python} -m pip install onnxruntime",
    )
