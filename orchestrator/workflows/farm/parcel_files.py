"""Which files a model is made of, and by which names they travel; what cannot travel is told with what to do."""

import ast
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadModel
from orchestrator.make.models import builders, reference
from orchestrator.make.models.library import CONTRACT_FILE
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.module_folder import DECLARATION
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.manifest import read_manifest

# Forms. Of Earshot's own: by name, every worker has it. A folder with model.toml; what was imported; a graph with its
# contract; a checkpoint that was imported.
OWN, MODULE, LIBRARY, GRAPH, CHECKPOINT = "own", "module", "library", "graph", "checkpoint"
# Where in a parcel lies what lies outside of the model's folder.
AUDIO, CHECKPOINTS = ".audio", ".checkpoint"
_EARSHOT = "orchestrator."


@dataclass(frozen=True)
class Gathered:
    """``folder``: what the names of ``paths`` are relative to, and those of its manifest; None: there is none."""

    form: str
    folder: Path | None
    paths: Mapping[str, Path]
    main: str | None = None
    streamed: str = ""


def gathered(asked: str, source: ModelSource, models_dir: Path) -> Gathered:
    if asked in reference.REFERENCE_MODELS or asked in builders.BUILDERS:
        return Gathered(OWN, None, {})
    if (models_dir / asked / builders.CHECKPOINT_FILE).is_file():
        return _checkpoint(source, builders.checkpoint_of(models_dir / asked))
    if source.has_graph:
        folder = source.graph_path.parent
        form = LIBRARY if folder == models_dir / asked else GRAPH
        return Gathered(form, folder, _named(folder, _graph_files(source), folder), source.graph_path.name)
    folder, files = Path(asked), [Path(asked) / DECLARATION]
    for ref in filter(None, (source.module, source.step_module)):
        _require_code(ref, folder)
        files += ref.files
    if source.lessons is not None and not source.lessons.startswith(_EARSHOT):
        files.append(Path(source.lessons.rpartition(":")[0]))
    return Gathered(MODULE, folder, _named(folder, [*files, *_beside(source)], folder / DECLARATION))


def _checkpoint(source: ModelSource, kept: builders.Checkpoint) -> Gathered:
    """Earshot's own code, with config and weights that lie elsewhere: the folder keeps its last name."""
    folder, files = Path(kept.folder), source.needed_module().files
    own = {f"{CHECKPOINTS}/{folder.name}/{path.name}": path for path in files if path.parent == folder}
    return Gathered(CHECKPOINT, None, own, folder.name, kept.form)


def _graph_files(source: ModelSource) -> list[Path]:
    from orchestrator.make.models.graph import external_paths

    graphs = [path for path in (source.onnx_path, source.tflite_path, source.pte_path) if path is not None]
    weights = external_paths(source.onnx_path) if source.onnx_path else ()
    return [*graphs, *weights, source.graph_path.parent / CONTRACT_FILE, *_beside(source)]


def _beside(source: ModelSource) -> list[Path]:
    return [path for path in (source.manifest_path, source.lexicon_path) if path is not None]


def _named(folder: Path, paths: Iterable[Path], said: Path) -> dict[str, Path]:
    """By their names below ``folder``. Raises BadModel for one that lies elsewhere."""
    named = {}
    for path in paths:
        name = _name_below(path, folder)
        if name is None:
            raise BadModel(
                f"{said} names {path}, which lies outside of {folder}: on another host it would not be found",
                hint="put it into the model's folder, and name it relative to that",
            )
        named[name] = path
    return named


def _name_below(path: Path, folder: Path) -> str | None:
    # Not resolved through links: a file that is linked into the folder is there.
    for absolute, root in ((path.absolute(), folder.absolute()), (path.resolve(), folder.resolve())):
        plain, within = Path(os.path.normpath(absolute)), Path(os.path.normpath(root))
        if plain.is_relative_to(within):
            return plain.relative_to(within).as_posix()
    return None


def _require_code(ref: ModuleRef, folder: Path) -> None:
    """Raises BadModel for code that no parcel holds."""
    place = ref.target.rpartition(":")[0]
    if not place.endswith(".py"):
        if place.startswith(_EARSHOT):
            return
        raise BadModel(
            f"{folder / DECLARATION} names {ref.target}, a module of a package, which other hosts may not have",
            hint=f"write file.py:function into {DECLARATION}, and list what that file reads under files",
        )
    known = {path.resolve() for path in ref.files}
    for path in (path for path in ref.files if path.suffix == ".py"):
        for name in _imported(path):
            beside = (path.parent / f"{name}.py").resolve()
            if beside.is_file() and beside not in known:
                raise BadModel(
                    f"{path} imports {name}, and {folder / DECLARATION} does not name {beside.name}",
                    hint=f'add "{beside.name}" to files in {DECLARATION}: what a model is made of makes it another one',
                )


def _imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, read and not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as exc:
        raise BadModel(f"{path} is no Python: {exc}", hint="run it in Python by itself") from exc
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names if name}


def add_audio(source: ModelSource, folder: Path, paths: dict[str, Path]) -> dict[str, str]:
    """The recordings of its manifest into ``paths``; the names of those that lie elsewhere, by what it calls them."""
    if source.manifest_path is None:
        return {}
    outside: dict[str, str] = {}
    lines, _ = read_manifest(source.manifest_path)
    for said in dict.fromkeys(line.audio_filepath for line in lines):
        path = source.manifest_path.parent / said
        name = None if Path(said).is_absolute() else _name_below(path, folder)
        if name is None:
            name = outside[said] = f"{AUDIO}/{len(outside)}-{path.name}"
        paths[name] = path
    return outside
