"""A user's PyTorch model: a folder with model.toml, which names the module and says how it is streamed."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json
from orchestrator.errors import BadModel
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

DECLARATION = "model.toml"
_HINT = "earshot models init NAME writes one with comments"


@dataclass(frozen=True)
class Declaration:
    """What model.toml says. ``contract`` is a ``StreamContract`` without its ``model``; paths are relative to it."""

    name: str
    module: str
    contract: dict[str, Any]
    manifest: str | None = None
    lexicon: str | None = None
    step_module: str | None = None
    lessons: str | None = None
    files: tuple[str, ...] = field(default_factory=tuple)


def is_module_folder(folder: Path) -> bool:
    return (folder / DECLARATION).is_file()


def module_folder_source(folder: Path) -> ModelSource:
    """Raises BadModel where model.toml, or a file that it names, is missing or not as it must be."""
    said, path = _declaration(folder), folder / DECLARATION
    try:
        contract = from_json(StreamContract, {**said.contract, "model": said.name}, "contract")
    except (MalformedJson, ValueError) as exc:
        raise BadModel(f"{path}: {exc}", hint=_HINT) from exc
    module = _module(folder, said.module, said.files)
    return ModelSource(
        name=said.name,
        contract=contract,
        onnx_path=None,
        sha256=module.sha256,
        manifest_path=_file(folder, said.manifest) if said.manifest else None,
        module=module,
        step_module=_module(folder, said.step_module, said.files) if said.step_module else None,
        lexicon_path=_file(folder, said.lexicon) if said.lexicon else None,
        lessons=_target(folder, said.lessons)[0] if said.lessons else None,
    )


def _declaration(folder: Path) -> Declaration:
    path = folder / DECLARATION
    try:
        return from_json(Declaration, tomllib.loads(path.read_text()), DECLARATION)
    except OSError as exc:
        raise BadModel(f"cannot read {path}: {exc.strerror or exc}", hint=_HINT) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, MalformedJson) as exc:
        raise BadModel(f"{path}: {exc}", hint=_HINT) from exc


def _module(folder: Path, target: str, files: tuple[str, ...]) -> ModuleRef:
    named, own = _target(folder, target)
    return ModuleRef(named, (), (*own, *(_file(folder, name) for name in files)))


def _target(folder: Path, target: str) -> tuple[str, tuple[Path, ...]]:
    """From anywhere, and the file that it names."""
    place, _, function = target.rpartition(":")
    own = (_file(folder, place),) if place.endswith(".py") else ()
    return (f"{own[0].resolve()}:{function}" if own else target), own


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise BadModel(f"{folder / DECLARATION} names {name}, and there is no such file", hint=f"put it into {folder}")
    return path
