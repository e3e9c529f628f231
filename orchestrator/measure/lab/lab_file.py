"""Reads the lab file strictly: every problem at once, each with its line and the nearest known name."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from agents import strict_json
from orchestrator.domain.isolation import parse_steps
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import (
    LOCAL,
    TRANSPORTS,
    CoolDown,
    Device,
    Hooks,
    PythonEnvironment,
    own_profiles,
)
from orchestrator.measure.lab.profile_files import profile_names
from orchestrator.measure.meters.registry import parse_options

Keys = dict[str, type[Any]]
KEYS: Keys = {
    "transport": str,
    "python": str,
    "python_archive": str,
    "root": str,
    "profile": str,
    "tags": list,
    "sudo": bool,
    "isolate": list,
    "environments": dict,
    "hooks": dict,
    "cool_down": dict,
    "meter": dict,
}
SSH_KEYS: Keys = {
    "host": str,
    "user": str,
    "port": int,
    "identity_file": str,
    "known_hosts": str,
    "jump": str,
}
ADB_KEYS: Keys = {"host": str, "port": int, "serial": str, "adb_key": str, "adb_server": str, "run_as": str}
KEYS_OF: dict[str, Keys] = {"local": KEYS, "ssh": KEYS | SSH_KEYS, "adb": KEYS | ADB_KEYS}
SECRETS = ("password", "passphrase", "secret", "token")
N = TypeVar("N", PythonEnvironment, Hooks, CoolDown)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean "x"? `` or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


class LabReader:
    """Turns the file's tables into devices and gathers what is wrong on the way in ``problems``."""

    def __init__(self, path: Path, text: str) -> None:
        self._folder = path.parent.resolve()
        self._profiles_dir = own_profiles(path)
        self._lines = _lines_of_keys(text)
        self.problems: list[str] = []

    def _problem(self, section: str, key: str, message: str) -> None:
        line = self._lines.get((section, key)) or self._lines.get((section, ""))
        self.problems.append(f"  line {line}: " * bool(line) + f"[{section}] {message}")

    def devices(self, data: dict[str, Any]) -> dict[str, Device]:
        for key in set(data) - {"devices"}:
            self._problem(key, "", f"is unknown: {nearest(key, ['devices'])}devices go into [devices.NAME]")
        tables = data.get("devices", {})
        if not isinstance(tables, dict):
            self._problem("devices", "", "must be tables [devices.NAME]")
            return {}
        plain = {name: self._device(name, table) for name, table in tables.items()}
        return {name: self._with_via(device, plain, (name,)) for name, device in plain.items()}

    def _device(self, name: str, table: Any) -> Device:
        section = f"devices.{name}"
        if not _NAME.fullmatch(name):
            self._problem(section, "", f"name must match {_NAME.pattern}")
        if not isinstance(table, dict):
            self._problem(section, "", f"must be a table, got {table!r}")
            return Device(name, LOCAL)
        transport = table.get("transport", "ssh" if "host" in table else None)
        if transport not in TRANSPORTS:
            self._problem(section, "transport", f"transport must be one of {', '.join(TRANSPORTS)}, got {transport!r}")
        elif transport == "ssh" and "host" not in table:
            self._problem(section, "", "needs host")
        elif transport == "adb" and ("host" in table) == ("serial" in table):
            self._problem(section, "", "needs host (ADB over TCP) or serial (USB, or a running adb server), not both")
        if name == LOCAL and transport != LOCAL:
            self._problem(section, "transport", "the name local is kept for this machine")
        known = KEYS_OF.get(str(transport), KEYS | SSH_KEYS | ADB_KEYS)
        good = {key: value for key, value in table.items() if self._fits(section, known, key, value)}
        return self._build(name, str(transport), good)

    def _fits(self, section: str, known: Keys, key: str, value: Any) -> bool:
        if key in SECRETS:
            self._problem(section, key, f"{key} does not belong here: use a key file or the SSH agent")
        elif key not in known and (owners := [t for t, keys in KEYS_OF.items() if key in keys]):
            self._problem(section, key, f"{key} is only for transport = {' or '.join(map(repr, owners))}")
        elif key not in known:
            self._problem(section, key, f"unknown key {key!r}: {nearest(key, known)}known are {', '.join(known)}")
        elif not isinstance(value, known[key]) or isinstance(value, bool) != (known[key] is bool):
            self._problem(section, key, f"{key} must be a {_TOML_NAMES[known[key]]}, got {value!r}")
        elif value == "":
            self._problem(section, key, f"{key} must not be empty")
        elif key == "port" and not 0 < value < 65536:
            self._problem(section, key, f"port must be in 1..65535, got {value}")
        elif key == "profile" and value not in (known_profiles := profile_names(self._profiles_dir)):
            near = nearest(value, known_profiles)
            self._problem(section, key, f"unknown profile {value!r}: {near}known are {', '.join(known_profiles)}")
        elif key in ("tags", "isolate") and not all(isinstance(word, str) for word in value):
            self._problem(section, key, f"{key} must be strings, got {value!r}")
        elif key == "isolate" and (problem := _not_isolation(value)):
            self._problem(section, key, problem)
        else:
            return True
        return False

    def _build(self, name: str, transport: str, table: dict[str, Any]) -> Device:
        for key in ("identity_file", "known_hosts", "adb_key"):
            if key in table:
                table[key] = self._folder / Path(table[key]).expanduser()
        section = f"devices.{name}"
        if table.get("python_archive", "debian") != "debian":
            table["python_archive"] = str(self._folder / Path(table["python_archive"]).expanduser())
        if "python_archive" in table and "python" in table:
            self._problem(section, "python_archive", "python_archive is of no use beside python, which is always used")
        for key, noun in (("hooks", Hooks), ("cool_down", CoolDown)):
            if key in table:
                table[key] = self._noun(noun, f"{section}.{key}", table[key]) or noun()
        environments = {
            key: self._noun(PythonEnvironment, f"{section}.environments.{key}", value)
            for key, value in table.get("environments", {}).items()
        }
        if "meter" in table:
            self._check_meter(f"{section}.meter", table["meter"])
        return Device(
            **{
                **table,
                "name": name,
                "transport": transport,
                "profiles_dir": self._profiles_dir,
                "tags": tuple(table.get("tags", ())),
                "isolate": tuple(table.get("isolate", ())),
                "environments": {key: value for key, value in environments.items() if value},
            }
        )

    def _check_meter(self, section: str, table: dict[str, Any]) -> None:
        try:
            parse_options(table)
        except ValueError as exc:
            self._problem(section, "", str(exc))

    def _noun(self, noun: type[N], section: str, table: Any) -> N | None:
        """A sub-table as one of the lab's nouns; None, and a problem, where it does not fit."""
        if not isinstance(table, dict):
            self._problem(section, "", f"must be a table, got {table!r}")
            return None
        known = [field.name for field in fields(noun)]
        for key in set(table) - set(known):
            self._problem(section, key, f"unknown key {key!r}: {nearest(key, known)}known are {', '.join(known)}")
        try:
            return strict_json.from_json(noun, {k: v for k, v in table.items() if k in known}, section)
        except ValueError as exc:
            self._problem(section, "", str(exc).removeprefix(f"{section}: "))
            return None

    def _with_via(self, device: Device, plain: dict[str, Device], seen: tuple[str, ...]) -> Device:
        """The device with the jump host resolved that is a device of this lab."""
        jump = plain.get(device.jump or "")
        if jump is None:
            return device
        if jump.name in seen:
            self._problem(f"devices.{device.name}", "jump", f"jump goes in a circle: {' -> '.join((*seen, jump.name))}")
            return device
        return replace(device, via=self._with_via(jump, plain, (*seen, jump.name)))


def _not_isolation(words: list[str]) -> str | None:
    """What is wrong with these steps; None where nothing is."""
    try:
        parse_steps(words)
    except BadInput as exc:
        return f"{exc.message}: {exc.hint}"
    return None


_TOML_NAMES: dict[type, str] = {
    str: "string",
    int: "whole number",
    bool: "true or false",
    list: "list of strings",
    dict: "table",
}


def _lines_of_keys(text: str) -> dict[tuple[str, str], int]:
    """(section, key) -> line number; the key "" is the section's own header. tomllib tells no lines."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            section = re.sub(r"[\"'\s]", "", header[1])
            found.setdefault((section, ""), number)
        elif key := re.match(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=", line):
            found.setdefault((section, key[1]), number)
            found.setdefault((section or key[1], ""), number)
    return found
