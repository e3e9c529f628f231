"""A first profile of a device that Earshot does not know, written from its probe: facts filled in, the rest asked."""

import json
import re
from collections.abc import Iterable

from agents.device_facts import DeviceProbe
from orchestrator.measure.lab.agreement import found_clusters
from orchestrator.measure.lab.profiles import DeviceProfile

_STEP = 10
_GIB = 2**30
_SIZES_GIB = (0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)


def draft_profile(probe: DeviceProbe, fitting: DeviceProfile | None) -> str:
    """The text of a TOML file that extends ``fitting`` and wins over it for this device model."""
    parts = [_head(probe, fitting), _match(probe), _soc(probe), *_clusters(probe), _memory(probe)]
    if fitting is None:
        parts += [_runtimes(probe), _sensors(probe), "[absent]"]
    return "\n\n".join([*parts, _sources(probe)]) + "\n"


def _head(probe: DeviceProbe, fitting: DeviceProfile | None) -> str:
    lines = [
        "# Drafted by `earshot devices probe --write-profile`. Lines marked CHECK are what a probe cannot know.",
        "schema = 1",
    ]
    if fitting is not None:
        lines.append(f"extends = {_text(fitting.name)}")
    lines += [
        "# CHECK: the name that people know it by.",
        f"title = {_text(probe.model)}",
        f"priority = {(fitting.priority if fitting else 0) + _STEP}",
    ]
    if fitting is None:
        lines += ["# CHECK: how Python gets there.", f"python = {_text(f'it had Python {probe.python}')}"]
    return "\n".join(lines)


def _match(probe: DeviceProbe) -> str:
    lines = [
        "# CHECK: regular expressions for the whole of a fact. Widen model where sizes or regions differ in it.",
        "[match]",
        f"model = {_text(re.escape(probe.model))}",
    ]
    # Makers sell one model with several chips.
    if probe.os.startswith("Android") and probe.soc:
        lines.append(f"soc = {_text(re.escape(probe.soc))}")
    if not probe.model.isascii() or len(probe.model) < 3:
        lines.append(f"machine = {_text(re.escape(probe.machine))}")
    return "\n".join(lines)


def _soc(probe: DeviceProbe) -> str:
    lines = ["# CHECK: the maker's name; add gpu and npu.", "[soc]", f"name = {_text(probe.soc or 'unknown')}"]
    return "\n".join(lines + ([f"code = {_text(probe.soc)}"] if probe.soc else []))


def _clusters(probe: DeviceProbe) -> list[str]:
    return [
        "\n".join(
            ["[[clusters]]", f"cores = {c.cores}", f"core = {_text(c.core)}", f"part = {_text(c.part or 'unknown')}"]
            + ([f"max_mhz = {c.max_mhz}"] if c.max_mhz else ["# CHECK: max_mhz; the system does not tell it."])
        )
        for c in found_clusters(probe)
    ]


def _memory(probe: DeviceProbe) -> str:
    lines = [
        "# CHECK: kind, transfer_mts, bus_bits and bandwidth_gb_s from the maker's data sheet, or leave them out.",
        "[memory]",
    ]
    if probe.memory_bytes:
        gib = probe.memory_bytes / _GIB
        size = next((s for s in _SIZES_GIB if s >= gib), round(gib))
        lines.append(f"sizes_gib = [{size:g}]  # {gib:.2f} GiB of it usable")
    return "\n".join(lines)


def _runtimes(probe: DeviceProbe) -> str:
    tables = []
    for runtime in probe.runtimes:
        usable = [p.name for p in runtime.providers if p.usable]
        entries = _entries((name, f"{runtime.name} {runtime.version}") for name in usable)
        tables.append("\n".join([f"[runtimes.{_text(runtime.name)}]", *entries]))
    return "\n\n".join(tables or ["[runtimes]"])


def _sensors(probe: DeviceProbe) -> str:
    names = dict.fromkeys(f"{s.quantity}.{s.name}" for s in probe.sensors if s.usable)
    return "\n".join(["[sensors]", *_entries((name, "CHECK: where it comes from") for name in names)])


def _sources(probe: DeviceProbe) -> str:
    seen = f"agent probe of one {probe.model}, {probe.build or probe.os}"
    return "\n".join(
        ["# CHECK: the maker's page for what you add.", "[sources]", *_entries((t, seen) for t in _sourced(probe))]
    )


def _sourced(probe: DeviceProbe) -> list[str]:
    return ["match", "soc", *(["clusters"] if probe.cores else []), "memory"]


def _entries(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{_text(name)} = {_text(value)}" for name, value in pairs]


def _text(value: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which TOML wants escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
