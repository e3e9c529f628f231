"""Devices as a lab file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from orchestrator.measure.lab.device import Device

# What a stand-in may set beside its tags and hooks; the rest of Device it leaves alone.
_PLAIN = (str, int, bool, Path)


def lab_text(devices: Iterable[Device]) -> str:
    """A lab file with these devices; reading it gives them back."""
    return "\n".join(_table(device) for device in devices)


def _table(device: Device) -> str:
    lines = [f"[devices.{device.name}]"]
    for field in fields(device):
        value = getattr(device, field.name)
        if field.name in ("name", "via") or value is None or value is False:
            continue
        if isinstance(value, _PLAIN):
            lines.append(f"{field.name} = {json.dumps(str(value) if isinstance(value, Path) else value)}")
        elif field.name == "tags" and value:
            lines.append(f"tags = {json.dumps(list(value))}")
    hooks = {name: list(argv) for name, argv in asdict(device.hooks).items() if argv}
    if hooks:
        lines += [f"[devices.{device.name}.hooks]", *(f"{name} = {json.dumps(argv)}" for name, argv in hooks.items())]
    return "\n".join(lines) + "\n"
