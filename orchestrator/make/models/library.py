"""The model library: the reference models, and what was imported under ``<library_dir>/<name>/``.

onnx takes 0.1 s to import: it is, where a graph must be read.
"""

import difflib
import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models import reference
from orchestrator.make.models.source import ModelSource

MODEL_FILE, CONTRACT_FILE, MANIFEST_FILE = "model.onnx", "contract.json", "manifest.jsonl"
_IMPORT_AGAIN = "earshot models import FILE.onnx --replace infers it again"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def find_model(name_or_path: str, library_dir: Path) -> ModelSource:
    """A reference model, an imported one, or an .onnx file with contract.json beside it.

    Raises BadInput for an unknown name (with the nearest one) and BadModel for a file or contract that cannot be used.
    """
    if name_or_path.endswith(".onnx") or os.sep in name_or_path:
        return _from_file(Path(name_or_path))
    if name_or_path in reference.REFERENCE_MODELS:
        return _reference(name_or_path)
    if _is_imported(library_dir / name_or_path):
        return _imported(library_dir / name_or_path)
    known = model_names(library_dir)
    nearest = difflib.get_close_matches(name_or_path, known, n=1)
    raise BadInput(
        f"no model {name_or_path!r}; known are {', '.join(known)}",
        hint=f"did you mean {nearest[0]}?" if nearest else "import one: earshot models import FILE.onnx",
    )


def list_models(library_dir: Path) -> tuple[ModelSource, ...]:
    """Every model that ``find_model`` knows by name, reference models first."""
    return tuple(find_model(name, library_dir) for name in model_names(library_dir))


def model_names(library_dir: Path) -> tuple[str, ...]:
    """Names that ``find_model`` knows."""
    imported = sorted(d.name for d in library_dir.glob("*") if _is_imported(d))
    return (*reference.REFERENCE_MODELS, *(n for n in imported if n not in reference.REFERENCE_MODELS))


def import_model(path: Path, contract: StreamContract, library_dir: Path, *, replace: bool = False) -> ModelSource:
    """Copy the graph at ``path`` and its contract into the library under ``contract.model``, as one file, atomically.

    The same graph and contract again changes nothing. Raises BadInput for a name that is taken (unless ``replace``) or
    that is no plain file name.
    """
    name = contract.model
    check_name(name)
    target = library_dir / name
    library_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=library_dir) as scratch:
        staging = Path(scratch) / name
        staging.mkdir()
        _copy_graph(path, staging / MODEL_FILE)
        (staging / CONTRACT_FILE).write_text(json.dumps(to_json(contract), indent=2) + "\n")
        if not _is_imported(target):
            staging.rename(target)
        elif not _same(staging, target):
            if not replace:
                raise BadInput(f"the library has another model {name}", hint="give it another --name, or --replace it")
            if (target / MANIFEST_FILE).is_file():
                shutil.copy2(target / MANIFEST_FILE, staging)
            target.rename(Path(scratch) / "replaced")
            staging.rename(target)
    return _imported(target)


def check_name(name: str) -> None:
    """Raises BadInput for a model name that is taken by a reference model or would be no plain file name."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"model name must match {_NAME.pattern}, got {name!r}", hint="give the import another --name")
    if name in reference.REFERENCE_MODELS:
        raise BadInput(f"{name} is a reference model", hint="give the import another --name")


def read_contract(path: Path) -> StreamContract:
    """The contract at ``path``. Raises BadModel where it is missing or malformed."""
    try:
        return from_json(StreamContract, json.loads(path.read_text()))
    except OSError as exc:
        raise BadModel(f"cannot read the contract {path}: {exc.strerror or exc}", hint=_IMPORT_AGAIN) from exc
    except (MalformedJson, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise BadModel(f"{path} is no stream contract: {exc}", hint=_IMPORT_AGAIN) from exc


def _from_file(path: Path) -> ModelSource:
    from orchestrator.make.models.graph import model_sha256, read_proto

    read_proto(path)
    if not (path.parent / CONTRACT_FILE).is_file():
        raise BadModel(
            f"{path} has no {CONTRACT_FILE} beside it, so nothing says how to stream it",
            hint=f"earshot models import {path} infers one",
        )
    contract = read_contract(path.parent / CONTRACT_FILE)
    return _source(contract.model, contract, path, model_sha256(path), path.parent / MANIFEST_FILE)


def _reference(name: str) -> ModelSource:
    path = reference.onnx_path(name)
    # Ours have their weights inside: the file's own hash is the model's.
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return _source(name, reference.load_contract(name), path, sha256, reference.manifest_path(name))


def _imported(folder: Path) -> ModelSource:
    from orchestrator.make.models.graph import model_sha256

    contract, path = read_contract(folder / CONTRACT_FILE), folder / MODEL_FILE
    return _source(folder.name, contract, path, model_sha256(path), folder / MANIFEST_FILE)


def _source(name: str, contract: StreamContract, onnx_path: Path, sha256: str, manifest: Path) -> ModelSource:
    return ModelSource(name, contract, onnx_path, sha256, manifest if manifest.is_file() else None)


def _is_imported(folder: Path) -> bool:
    return not folder.name.startswith(".") and (folder / MODEL_FILE).is_file()


def _copy_graph(path: Path, target: Path) -> None:
    import onnx

    from orchestrator.make.models.graph import external_files, read_proto

    model = read_proto(path)
    if external_files(onnx.load(path, load_external_data=False)):
        target.write_bytes(model.SerializeToString(deterministic=True))
    else:
        shutil.copyfile(path, target)


def _same(one: Path, other: Path) -> bool:
    return all(
        (other / f).is_file() and (one / f).read_bytes() == (other / f).read_bytes()
        for f in (MODEL_FILE, CONTRACT_FILE)
    )
