"""The model library: the reference models, and what was imported under ``<library_dir>/<name>/``.

onnx takes 0.1 s to import: it is, where a graph must be read.
"""

import difflib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models import builders, reference
from orchestrator.make.models.module_folder import is_module_folder, module_folder_source
from orchestrator.make.models.reference_source import reference_source
from orchestrator.make.models.source import ModelSource

MODEL_FILE, TFLITE_FILE, PTE_FILE = "model.onnx", "model.tflite", "model.pte"
_FILES = {".tflite": TFLITE_FILE, ".pte": PTE_FILE}
CONTRACT_FILE, MANIFEST_FILE, LEXICON_FILE = "contract.json", "manifest.jsonl", "lexicon.csv"
# What its user lays beside a model: it outlives a new graph.
_USERS_OWN = (MANIFEST_FILE, LEXICON_FILE)
_ANOTHER_NAME = "choose another one; of an import by --name"
_IMPORT_AGAIN = "earshot models import FILE --replace infers it again"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def find_model(name_or_path: str, library_dir: Path) -> ModelSource:
    """A reference model, one of ``builders``, an imported one, an .onnx, .tflite or .pte file beside its
    contract.json, or a folder with a model.toml.

    Raises BadInput for an unknown name (with the nearest one) and BadModel for a file or contract that cannot be used.
    """
    if os.sep in name_or_path and is_module_folder(Path(name_or_path)):
        return module_folder_source(Path(name_or_path))
    if name_or_path.endswith((".onnx", ".tflite", ".pte")) or os.sep in name_or_path:
        return _from_file(Path(name_or_path))
    if name_or_path in reference.REFERENCE_MODELS:
        return reference_source(name_or_path)
    if name_or_path in builders.BUILDERS:
        return builders.built(name_or_path)
    if _is_imported(library_dir / name_or_path):
        return _imported(library_dir / name_or_path)
    if is_module_folder(Path(name_or_path)):
        return module_folder_source(Path(name_or_path))
    known = model_names(library_dir)
    nearest = difflib.get_close_matches(name_or_path, known, n=1)
    raise BadInput(
        f"no model {name_or_path!r}; known are {', '.join(known)}",
        hint=f"did you mean {nearest[0]}?" if nearest else "import one: earshot models import FILE",
    )


def list_models(library_dir: Path) -> tuple[ModelSource, ...]:
    """Every model that ``find_model`` knows by name, reference models first."""
    return tuple(find_model(name, library_dir) for name in model_names(library_dir))


def model_names(library_dir: Path) -> tuple[str, ...]:
    """Names that ``find_model`` knows; of those that come from a wheel, the installed ones."""
    own = (*reference.REFERENCE_MODELS, *builders.available())
    imported = sorted(d.name for d in library_dir.glob("*") if _is_imported(d))
    return (*own, *(n for n in imported if n not in own))


def import_model(path: Path, contract: StreamContract, library_dir: Path, *, replace: bool = False) -> ModelSource:
    """Copy the graph at ``path`` and its contract into the library under ``contract.model``, as one file, atomically.

    The same graph and contract again changes nothing, and a .tflite file of a model whose ONNX graph is there joins it.
    Raises BadInput for a name that is taken (unless ``replace``) or that is no plain file name.
    """
    name = contract.model
    check_name(name)
    target = library_dir / name
    library_dir.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tflite" and not replace and _is_twin(contract, target):
        _join(path, target)
        return _imported(target)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=library_dir) as scratch:
        staging = Path(scratch) / name
        staging.mkdir()
        _copy_graph(path, staging / _FILES.get(path.suffix, MODEL_FILE))
        (staging / CONTRACT_FILE).write_text(json.dumps(to_json(contract), indent=2) + "\n")
        if not _is_imported(target):
            staging.rename(target)
        elif not _same(staging, target):
            if not replace:
                raise BadInput(f"the library has another model {name}", hint="give it another --name, or --replace it")
            for kept in _USERS_OWN:
                if (target / kept).is_file():
                    shutil.copy2(target / kept, staging)
            target.rename(Path(scratch) / "replaced")
            staging.rename(target)
    return _imported(target)


def import_checkpoint(
    name: str, checkpoint: builders.Checkpoint, library_dir: Path, *, replace: bool = False
) -> ModelSource:
    """Remember a folder with a checkpoint under ``name``; its weights stay where they are.

    Raises BadModel for a folder that cannot be used, BadInput for a name that is taken (unless ``replace``).
    """
    check_name(name)
    source, target = builders.of_checkpoint(name, checkpoint), library_dir / name
    if _is_imported(target) and not replace:
        raise BadInput(f"the library has another model {name}", hint="give it another --name, or --replace it")
    library_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=library_dir) as scratch:
        staging = Path(scratch) / name
        staging.mkdir()
        builders.keep(checkpoint, staging)
        if target.exists():
            target.rename(Path(scratch) / "replaced")
        staging.rename(target)
    return source


def check_name(name: str) -> None:
    """Raises BadInput for a model name that is taken by a reference model or would be no plain file name."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"model name must match {_NAME.pattern}, got {name!r}", hint=_ANOTHER_NAME)
    if name in (*reference.REFERENCE_MODELS, *builders.BUILDERS):
        raise BadInput(f"{name} is a model of earshot's own", hint=_ANOTHER_NAME)


def read_contract(path: Path) -> StreamContract:
    """The contract at ``path``. Raises BadModel where it is missing or malformed."""
    try:
        return from_json(StreamContract, json.loads(path.read_text()))
    except OSError as exc:
        raise BadModel(f"cannot read the contract {path}: {exc.strerror or exc}", hint=_IMPORT_AGAIN) from exc
    except (MalformedJson, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise BadModel(f"{path} is no stream contract: {exc}", hint=_IMPORT_AGAIN) from exc


def _from_file(path: Path) -> ModelSource:
    from orchestrator.make.models.graph import model_sha256, read_model

    read_model(path)
    if not (path.parent / CONTRACT_FILE).is_file():
        raise BadModel(
            f"{path} has no {CONTRACT_FILE} beside it, so nothing says how to stream it",
            hint=f"earshot models import {path} infers one",
        )
    contract = read_contract(path.parent / CONTRACT_FILE)
    paths = [path if _FILES.get(path.suffix, MODEL_FILE) == name else None for name in (MODEL_FILE, *_FILES.values())]
    return _source(contract.model, contract, paths, model_sha256(path), path.parent)


def _imported(folder: Path) -> ModelSource:
    from orchestrator.make.models.graph import model_sha256

    if (folder / builders.CHECKPOINT_FILE).is_file():
        return builders.kept(folder)
    contract = read_contract(folder / CONTRACT_FILE)
    paths = [path if (path := folder / name).is_file() else None for name in (MODEL_FILE, *_FILES.values())]
    sha256 = model_sha256(next(path for path in paths if path is not None))
    return _source(folder.name, contract, paths, sha256, folder)


def _source(
    name: str, contract: StreamContract, paths: Sequence[Path | None], sha256: str, folder: Path
) -> ModelSource:
    """``paths``: the ONNX graph, then those of ``_FILES``; ``folder``: where ``_USERS_OWN`` lie."""
    onnx_path, tflite_path, pte_path = paths
    manifest, lexicon = (path if (path := folder / name).is_file() else None for name in _USERS_OWN)
    return ModelSource(
        name, contract, onnx_path, sha256, manifest, tflite_path, lexicon_path=lexicon, pte_path=pte_path
    )


def _is_imported(folder: Path) -> bool:
    kept = (MODEL_FILE, *_FILES.values(), builders.CHECKPOINT_FILE)
    return not folder.name.startswith(".") and any((folder / name).is_file() for name in kept)


def _is_twin(contract: StreamContract, folder: Path) -> bool:
    """Whether the ONNX model in ``folder`` is streamed as ``contract`` says; its states and outputs in any order."""
    if not (folder / MODEL_FILE).is_file():
        return False
    own = read_contract(folder / CONTRACT_FILE)
    plain = ("sample_rate_hz", "chunk_samples", "frontend", "input", "time_axis", "constant_values")
    return all(getattr(own, name) == getattr(contract, name) for name in plain) and all(
        set(getattr(own, name)) == set(getattr(contract, name)) for name in ("states", "outputs", "constants")
    )


def _join(path: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".import-", dir=folder.parent) as scratch:
        shutil.copyfile(path, Path(scratch) / TFLITE_FILE)
        (Path(scratch) / TFLITE_FILE).replace(folder / TFLITE_FILE)


def _copy_graph(path: Path, target: Path) -> None:
    if path.suffix in _FILES:
        shutil.copyfile(path, target)
        return
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
        for f in sorted(p.name for p in one.iterdir())
    )
