"""A .pte file that is stepped like an ONNX session, by executorch's own Python package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.errors import BadModel, ExportFailed
from orchestrator.make.models.graph import Port
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.pte import read_program, read_pte_graph
from orchestrator.make.models.stepping import Feeds


class PteGraph:
    """A ``RunnableFile``. Its tensors have no names: ``run`` takes and gives them in the contract's order.

    Raises BadModel for what executorch cannot load, ExportFailed where it is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._graph, self._method = read_pte_graph(path), read_program(path).method
        self._module = _loaded(path)

    def get_inputs(self) -> Sequence[Port]:
        return self._graph.inputs

    def get_outputs(self) -> Sequence[Port]:
        return self._graph.outputs

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        import torch

        given = [torch.from_numpy(np.ascontiguousarray(values)) for values in feeds.values()]
        made = self._module.run_method(self._method, given)
        if len(made) != len(output_names):
            raise BadModel(f"the program gives {len(made)} tensors, the contract says {len(output_names)}")
        return [values.numpy() for values in made]


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
