"""Graphs made from a model's PyTorch module, kept beside the artifacts by all that they depend on.

Ten recipes, and several processes, export one graph once. Imports torch only to make what is not there.
"""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from agents.contract import StepContract, StreamContract
from agents.durable import write_file
from agents.strict_json import to_json
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import versions
from orchestrator.make.export.module_signature import Signature, main_signature, may_be_free, step_signature
from orchestrator.make.models.module import TORCH_HINT, ModuleRef
from orchestrator.make.models.source import ModelSource

# Raise it when the same module should give another graph than before.
_REVISION = 1
_TOOLS = {"onnx": ("torch", "onnxscript", "onnx"), "litert": ("torch", "litert-torch")}
_FOLDER = "graphs"
_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}


@dataclass(frozen=True)
class MadeGraph:
    """``how``: by which exporter, and why by that one."""

    path: Path
    how: str


class ModuleGraphs:
    """Of one source; each graph is made when it is first asked for. Methods raise ExportFailed."""

    def __init__(self, source: ModelSource, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._failed: dict[str, ExportFailed] = {}

    def onnx(self, exporter: str | None = None, opset: int | None = None) -> MadeGraph:
        """The time axis is free, where chunks of another length mean anything and the module allows it."""
        module, contract = self._source.needed_module(), self._source.contract

        def make() -> tuple[bytes, str]:
            return _first_onnx(self._source.name, module, _signatures(contract), exporter, opset)

        return self._kept("onnx", module, [to_json(contract), exporter, opset], make)

    def tflite(self) -> MadeGraph:
        """For chunks of the contract's own size."""
        module, contract = self._source.needed_module(), self._source.contract

        def make() -> tuple[bytes, str]:
            with _tools_there(self._source.name):
                from orchestrator.make.export.module_litert import module_litert
            made = module_litert(module.load(), main_signature(contract, free=False))
            return made, ".tflite from the PyTorch module by litert-torch"

        return self._kept("litert", module, [to_json(contract)], make)

    def step_onnx(self, step_module: ModuleRef, search: StepContract) -> MadeGraph:
        """The second graph of a transducer; the hypotheses are free."""

        def make() -> tuple[bytes, str]:
            return _first_onnx(self._source.name, step_module, [step_signature(search)], None, None)

        return self._kept("onnx", step_module, [to_json(search)], make)

    def _kept(
        self, format_: str, module: ModuleRef, parts: list[Any], make: Callable[[], tuple[bytes, str]]
    ) -> MadeGraph:
        """One process makes it, the others wait for that; a failure is remembered by this one only."""
        text = json.dumps([_REVISION, format_, module.sha256, *parts, module_tools(format_)], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        path, notes = self._folder / f"{key}{_SUFFIXES[format_]}", self._folder / f"{key}.txt"
        if key in self._failed:
            raise self._failed[key]
        self._folder.mkdir(parents=True, exist_ok=True)
        with _only_one(self._folder / f"{key}.lock"):
            if not (path.is_file() and notes.is_file()):
                try:
                    content, how = make()
                except ExportFailed as exc:
                    self._failed[key] = exc
                    raise
                write_file(str(path), content)
                write_file(str(notes), how.encode())
            return MadeGraph(path, notes.read_text())


def _signatures(contract: StreamContract) -> list[Signature]:
    """Those to try in turn; a graph of one length will do where the contract allows no other."""
    free = [main_signature(contract, free=True)] if may_be_free(contract) else []
    one_size = len(contract.allowed_chunk_samples) == 1
    return free + ([main_signature(contract, free=False)] if one_size or not free else [])


def _first_onnx(
    name: str, ref: ModuleRef, signatures: list[Signature], exporter: str | None, opset: int | None
) -> tuple[bytes, str]:
    """The bytes of the first that a graph can be made for, and how."""
    with _tools_there(name):
        from orchestrator.make.export.module_onnx import module_onnx
    module, why = ref.load(), ""
    for signature in signatures:
        try:
            made = module_onnx(module, signature, exporter, opset)
        except ExportFailed as exc:
            if signature is signatures[-1]:
                raise
            why = f"; its length is fixed, because {exc.message}"
            continue
        break
    content: bytes = made.model.SerializeToString(deterministic=True)
    return content, made.how + why


@contextmanager
def _tools_there(name: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"a graph of the PyTorch model {name} needs {exc.name}", hint=TORCH_HINT) from exc


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def module_tools(format_: str) -> dict[str, str]:
    """Versions of the packages that turn a module into a graph of this format; without those that are not installed."""
    return versions(_TOOLS.get(format_, ("torch",)))


@dataclass(frozen=True)
class MadeSource(ModelSource):
    """A source whose ONNX graph and .tflite file are made from its module where it has none."""

    graphs: ModuleGraphs = field(kw_only=True)

    @property
    def needed_onnx(self) -> Path:
        if self.onnx_path is None and self.module is not None:
            return self.graphs.onnx().path
        return super().needed_onnx

    @property
    def needed_tflite(self) -> Path:
        if self.tflite_path is None and self.module is not None:
            return self.graphs.tflite().path
        return super().needed_tflite


def main_graph(source: ModelSource, out_dir: Path) -> Path:
    """A file of the main graph, as it is or as ONNX made from the module. Raises ExportFailed."""
    return source.graph_path if source.has_graph else with_graphs(source, out_dir).needed_onnx


def with_graphs(source: ModelSource, out_dir: Path) -> MadeSource:
    """``source`` with what is made from its module, beside the artifacts in ``out_dir``."""
    own = {f.name: getattr(source, f.name) for f in fields(ModelSource)}
    return MadeSource(**own, graphs=ModuleGraphs(source, out_dir / _FOLDER))
