"""Kinds of meters by name. A kind is a dataclass of options (``base.MeterOptions``) in a module of its own, imported
on first use; other packages add theirs through the entry-point group ``earshot.meters``.
"""

import importlib
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import entry_points
from typing import Any

from agents import strict_json
from orchestrator.errors import BadInput
from orchestrator.measure.meters.base import MeterOptions

GROUP = "earshot.meters"
KINDS = {
    "command": "orchestrator.measure.meters.command:CommandOptions",
    "ina226": "orchestrator.measure.meters.ina226:Ina226Options",
    "monsoon": "orchestrator.measure.meters.monsoon:MonsoonOptions",
    "shelly": "orchestrator.measure.meters.shelly:ShellyOptions",
    "tasmota": "orchestrator.measure.meters.tasmota:TasmotaOptions",
}


def meter_options(device: str, settings: Mapping[str, Any]) -> MeterOptions:
    """The options of ``meter = {kind = ..., ...}`` in lab.toml. Nothing is opened. Raises BadInput."""
    try:
        return parse_options(settings)
    except ValueError as exc:
        raise BadInput(f"[devices.{device}.meter] {exc}", hint="see docs/how-to/power-meter.md") from exc


def parse_options(settings: Mapping[str, Any]) -> MeterOptions:
    """As ``meter_options``. Raises ValueError that names the keys of the kind."""
    table = dict(settings)
    kind = _kind(str(table.pop("kind", "")))
    try:
        return strict_json.from_json(kind, table, "meter")
    except ValueError as exc:
        keys = ", ".join(field.name for field in fields(kind))
        raise ValueError(f"{exc}; keys of this kind are {keys}") from exc


def known_kinds() -> dict[str, str]:
    """Name -> module:attribute. The product's own kinds cannot be replaced from outside."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)} | KINDS


def _kind(name: str) -> type[MeterOptions]:
    kinds = known_kinds()
    if name not in kinds:
        raise ValueError(f"kind must be one of {', '.join(sorted(kinds))}, got {name!r}")
    module, _, attribute = kinds[name].partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as exc:
        raise ValueError(f"kind {name!r} cannot be loaded: {exc}") from exc
    if not (isinstance(kind, type) and issubclass(kind, MeterOptions)):
        raise ValueError(f"kind {name!r} must be a MeterOptions, {kinds[name]} is none")
    return kind
