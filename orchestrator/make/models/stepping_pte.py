"""A .pte file that is stepped like an ONNX session, by executorch's own Python package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.pte_file import MalformedPte, PteProgram, PteTensor, read_pte
from orchestrator.errors import BadModel, ExportFailed
from orchestrator.make.models.graph import Port
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.stepping import Feeds


class PteGraph:
    """A ``RunnableFile``. Its tensors have no names: ``run`` takes and gives them in the contract's order.

    Raises BadModel for what executorch cannot load, ExportFailed where it is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._about = read_program(path)
        self._module = _loaded(path)
        self._method = self._about.method

    def get_inputs(self) -> Sequence[Port]:
        return ports("input", self._about.inputs)

    def get_outputs(self) -> Sequence[Port]:
        return ports("output", self._about.outputs)

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        import torch

        given = [torch.from_numpy(np.ascontiguousarray(values)) for values in feeds.values()]
        made = self._module.run_method(self._method, given)
        if len(made) != len(output_names):
            raise BadModel(f"the program gives {len(made)} tensors, the contract says {len(output_names)}")
        return [values.numpy() for values in made]


def read_program(path: Path) -> PteProgram:
    """What the file says of itself; needs no executorch. Raises BadModel."""
    try:
        return read_pte(str(path))
    except (MalformedPte, OSError) as exc:
        raise BadModel(f"{path.name} is no .pte file: {exc}", hint="export it again with executorch >= 1.0") from exc


def ports(kind: str, tensors: Sequence[PteTensor]) -> tuple[Port, ...]:
    """Named by their place: ``input0``, ``input1``, ..."""
    return tuple(Port(f"{kind}{number}", t.dtype, t.shape) for number, t in enumerate(tensors))


def _loaded(path: Path) -> Any:
    try:
        # Its kernels for quantized operators are registered by being imported.
        import executorch.kernels.quantized  # noqa: F401
        from executorch.extension.pybindings import portable_lib
    except ImportError as exc:
        raise ExportFailed(f"nothing here runs a .pte file: {exc}", hint=TORCH_HINT) from exc
    # Before the delegates are made: they keep the pool that they find.
    portable_lib._unsafe_reset_threadpool(1)
    try:
        return portable_lib._load_for_executorch(str(path))
    except RuntimeError as exc:
        raise BadModel(f"executorch cannot load {path.name}: {' '.join(str(exc).split())[:300]}") from exc
