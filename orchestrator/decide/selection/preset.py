"""Presets: what is usually asked for, as files of the same form as a user's own."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from orchestrator.decide.selection.names import nearest_name
from orchestrator.decide.selection.request import Request, parse_request, read_request
from orchestrator.errors import BadInput

_FOLDER, _SUFFIX = "presets", ".toml"


def presets() -> dict[str, Request]:
    """Every bundled preset by name."""
    return {name: parse_request(path.read_text(encoding="utf-8"), path.name) for name, path in _bundled().items()}


def preset_text(name: str) -> str:
    """The file of a bundled preset, to begin an own one with. Raises KeyError."""
    return _bundled()[name].read_text(encoding="utf-8")


def read_preset(name: str) -> Request:
    """A bundled one by its name, or a user's own by its path. Raises BadInput."""
    if name in (bundled := presets()):
        return bundled[name]
    if Path(name).suffix == _SUFFIX or len(Path(name).parts) > 1:
        return read_request(Path(name))
    raise BadInput(
        f"unknown preset {name!r}{nearest_name(name, bundled)}; there are {', '.join(bundled)}",
        hint="earshot select --presets shows them; one of your own is given by its path, such as ./mine.toml",
    )


def _bundled() -> dict[str, Traversable]:
    folder = files("orchestrator.decide.selection").joinpath(_FOLDER)
    found = sorted((path for path in folder.iterdir() if path.name.endswith(_SUFFIX)), key=lambda path: path.name)
    return {path.name.removesuffix(_SUFFIX): path for path in found}
