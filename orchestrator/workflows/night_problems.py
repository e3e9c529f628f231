"""What is wrong with a plan: every problem, each with its line and the nearest known name."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

NUMBER, TEXT, LIST, TABLE, YES = (int, float), str, list, dict, bool
_NAMES: dict[Any, str] = {
    TEXT: "a string",
    int: "a whole number",
    NUMBER: "a number",
    LIST: "a list",
    TABLE: "a table",
    YES: "true or false",
}
Keys = dict[str, Any]


class Problems:
    """Of one TOML file. A ``[[models]]`` table is the section ``models.0``, ``models.1``; the file itself is ``""``."""

    def __init__(self, text: str) -> None:
        self._lines = _lines(text)
        self.told: list[str] = []

    def say(self, section: str, key: str, message: str) -> None:
        line = self._lines.get((section, key)) or self._lines.get((section, ""))
        place = f"line {line}: " if line else ""
        self.told.append(f"{place}{message}")

    def known(self, table: dict[str, Any], keys: Keys, section: str) -> dict[str, Any]:
        """The keys that are known and of the right kind; the others are told."""
        good = {}
        for key, value in table.items():
            if key not in keys:
                self.say(section, key, f"unknown key {key!r}{near(key, keys)}; known are {', '.join(keys)}")
            elif not isinstance(value, keys[key]) or isinstance(value, bool) != (keys[key] is bool):
                self.say(section, key, f"{key} must be {_NAMES[keys[key]]}, got {value!r}")
            else:
                good[key] = value
        return good


def near(name: object, known: Iterable[str]) -> str:
    """``: did you mean 'x'?`` or nothing."""
    found = difflib.get_close_matches(str(name), list(known), n=1)
    return f": did you mean {found[0]!r}?" if found else ""


def _lines(text: str) -> dict[tuple[str, str], int]:
    """(section, key) -> line; the key "" is the section's header. tomllib tells no lines."""
    found: dict[tuple[str, str], int] = {}
    section, count = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*models\s*\]\]", line):
            section, count = f"models.{count}", count + 1
            found[section, ""] = number
        elif header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            section = re.sub(r"[\"'\s]", "", header[1])
            found.setdefault((section, ""), number)
        elif key := re.match(r"\s*[\"']?([A-Za-z0-9_.-]+)[\"']?\s*=", line):
            found.setdefault((section, key[1]), number)
    return found
