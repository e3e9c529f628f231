"""A TorchScript file that is stepped like an ONNX session. Needs torch."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from agents.torchscript_file import LITE_SUFFIX, names_of
from orchestrator.errors import BadModel
from orchestrator.make.models.graph import Port
from orchestrator.make.models.stepping import Feeds


class TorchScriptGraph:
    """A ``RunnableFile``. Raises BadModel for a file that Earshot did not write, and torch's own errors."""

    def __init__(self, path: Path) -> None:
        try:
            self._inputs, self._outputs = names_of(str(path))
        except ValueError as exc:
            raise BadModel(f"{path.name}: {exc}", hint="earshot models export MODEL --recipe torchscript:fp32") from exc
        # Of the whole process, as torch has them.
        torch.set_num_threads(1)
        with warnings.catch_warnings():
            # That TorchScript is deprecated.
            warnings.simplefilter("ignore")
            self._run: Any = _loaded(path)

    def get_inputs(self) -> Sequence[Port]:
        return tuple(Port(name, "float32", ()) for name in self._inputs)

    def get_outputs(self) -> Sequence[Port]:
        return tuple(Port(name, "float32", ()) for name in self._outputs)

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        with torch.no_grad():
            found = self._run(*(torch.from_numpy(feeds[name].copy()) for name in self._inputs))
        given = (found,) if isinstance(found, torch.Tensor) else found
        by_name = dict(zip(self._outputs, given, strict=True))
        return [by_name[name].numpy().copy() for name in output_names]


def _loaded(path: Path) -> Any:
    if path.suffix == LITE_SUFFIX:
        from torch.jit.mobile import _load_for_lite_interpreter

        return _load_for_lite_interpreter(str(path))
    return torch.jit.load(str(path), map_location="cpu").eval()


def open_torchscript(path: Path) -> TorchScriptGraph:
    return TorchScriptGraph(path)
