"""Device profiles as files: those that Earshot ships, and a lab's own in ``device_profiles/`` beside its lab file.

A file may say ``extends = "other"``: what it does not say itself it has from there, and ``runtimes``, ``sensors``,
``absent`` and ``sources`` are joined, its own entries first. What it calls absent is taken from the inherited sensors
and providers, and the other way round. ``match`` and ``priority`` are always its own, and so is the source of a table
of its own.
"""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from agents import strict_json
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import PROFILES_FOLDER
from orchestrator.measure.lab.profiles import DeviceProfile

_SUFFIX = ".toml"
_JOINED = ("runtimes", "sensors", "absent", "sources")
_SOURCED = ("soc", "clusters", "memory")
_NEVER_TAKEN = ("match", "priority", "extends", "name", "kind_of")
Tables = Mapping[str, dict[str, Any]]


def load_profiles(own: Path | None = None) -> dict[str, DeviceProfile]:
    """All profiles by name: Earshot's, and those in ``own``, which replace one of the same name. Raises BadInput."""
    tables = _all_tables(own)
    return {name: build(name, tables) for name in tables}


def _all_tables(own: Path | None) -> dict[str, dict[str, Any]]:
    shipped = _read(resources.files(PROFILES_FOLDER))
    return shipped | _read(own) if own is not None and own.is_dir() else shipped


def profile_names(own: Path | None = None) -> list[str]:
    """The names alone, sorted, without reading the files."""
    folders = [resources.files(PROFILES_FOLDER), *([own] if own is not None and own.is_dir() else [])]
    return sorted({path.name.removesuffix(_SUFFIX) for folder in folders for path in _files(folder)})


def parse_profile(name: str, text: str, own: Path | None = None) -> DeviceProfile:
    """The profile in ``text``, which may extend a shipped one or one in ``own``. Raises BadInput with its fault."""
    return build(name, {**_all_tables(own), name: _table(name + _SUFFIX, text)})


def build(name: str, tables: Tables) -> DeviceProfile:
    """The profile ``name`` with what it extends. Raises BadInput."""
    line = _ancestors(name, tables)
    _require_own_sources(name, tables[name])
    merged: dict[str, Any] = {}
    for table in reversed([tables[each] for each in line]):
        merged = _joined(merged, table)
    merged |= {"name": name, "kind_of": line[1:]}
    try:
        return strict_json.from_json(DeviceProfile, merged, name + _SUFFIX)
    except ValueError as exc:
        raise BadInput(f"device profile {name}{_SUFFIX}: {exc}") from exc


def _require_own_sources(name: str, table: dict[str, Any]) -> None:
    for key in _SOURCED:
        if key in table and key not in table.get("sources", {}):
            raise BadInput(
                f"device profile {name}{_SUFFIX}: {key} needs its source: sources.{key} = where it comes from"
            )
    for key in ("name", "kind_of"):
        if key in table:
            raise BadInput(f"device profile {name}{_SUFFIX}: unknown key {key!r}: a profile is named by its file")


def _joined(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    result = {key: value for key, value in base.items() if key not in _NEVER_TAKEN}
    for key, value in table.items():
        if key in _JOINED and isinstance(value, dict):
            result[key] = _over(result.get(key, {}), value)
        elif key != "extends":
            result[key] = value
    return _without_contradiction(result, table)


def _without_contradiction(joined: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    absent = own.get("absent", {})
    there = set(own.get("sensors", {})).union(*own.get("runtimes", {}).values())
    runtimes = {name: _less(providers, absent) for name, providers in joined.get("runtimes", {}).items()}
    return joined | {
        "runtimes": {name: providers for name, providers in runtimes.items() if providers},
        "sensors": _less(joined.get("sensors", {}), set(absent) - set(own.get("sensors", {}))),
        "absent": _less(joined.get("absent", {}), there - set(absent)),
    }


def _less(table: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in names}


def _over(base: Any, own: dict[str, Any]) -> dict[str, Any]:
    """Own entries first; tables in tables are joined alike."""
    inherited = base if isinstance(base, dict) else {}
    both = {k: _over(inherited.get(k), v) if isinstance(v, dict) else v for k, v in own.items()}
    return both | {k: v for k, v in inherited.items() if k not in own}


def _ancestors(name: str, tables: Tables) -> list[str]:
    line = [name]
    while (parent := tables[line[-1]].get("extends")) is not None:
        if parent not in tables:
            raise BadInput(f"device profile {line[-1]}{_SUFFIX}: it extends {parent!r}, which is no profile")
        if parent in line:
            raise BadInput(f"device profile {name}{_SUFFIX}: extends goes in a circle: {' -> '.join([*line, parent])}")
        line.append(parent)
    return line


def _files(folder: Traversable | Path) -> list[Traversable | Path]:
    found = (path for path in folder.iterdir() if path.name.endswith(_SUFFIX) and not path.name.startswith("."))
    return sorted(found, key=lambda path: path.name)


def _read(folder: Traversable | Path) -> dict[str, dict[str, Any]]:
    try:
        texts = {path.name: path.read_text(encoding="utf-8") for path in _files(folder)}
    except (OSError, UnicodeDecodeError) as exc:
        raise BadInput(f"cannot read the device profiles in {folder}: {exc}") from exc
    return {name.removesuffix(_SUFFIX): _table(name, text) for name, text in texts.items()}


def _table(file_name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadInput(f"device profile {file_name}: {exc}") from exc
