"""The files of dashboards/ as they are shipped: rules, Alertmanager, provisioning, compose."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

PACKAGE = "dashboards"
BOARDS_FOLDER = "grafana"
RULES_FILE = "rules/earshot.rules.yml"
# A folder of ours has these; the rest is Python's, or the user's own.
_KINDS = (".yml", ".json", ".tmpl", ".lint")


def shipped(path: str) -> str:
    """The text of one of them. ``path`` below dashboards/."""
    return files(PACKAGE).joinpath(*path.split("/")).read_text(encoding="utf-8")


def all_shipped() -> Iterator[tuple[str, str]]:
    """(path, text) of all but the dashboards, which the code makes."""
    for path, found in _below(files(PACKAGE), ""):
        if not path.startswith(f"{BOARDS_FOLDER}/") or path.endswith(".lint"):
            yield path, found.read_text(encoding="utf-8")


def write(folder: Path) -> list[Path]:
    """All of them into ``folder``. Raises OSError where it cannot be written."""
    written = []
    for path, text in all_shipped():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{prefix}{each.name}"
        if each.is_dir():
            yield from _below(each, f"{path}/")
        elif each.name.endswith(_KINDS):
            yield path, each
