"""A PyTorch module that is stepped like an ONNX session, eagerly. Imports torch when one is opened."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.contract import StreamContract
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.stepping import Feeds


class ModuleGraph:
    """A ``Runnable``: names are the contract's. Raises like ``ModuleRef.load``, and whatever the module raises."""

    def __init__(self, ref: ModuleRef, contract: StreamContract) -> None:
        self._module = ref.load()
        self._inputs = [contract.input.name, *(s.input for s in contract.states), *(c.name for c in contract.constants)]
        self._outputs = [*(o.name for o in contract.outputs), *(s.output for s in contract.states)]

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        import torch

        with torch.no_grad():
            made = self._module(*(torch.from_numpy(np.ascontiguousarray(feeds[name])) for name in self._inputs))
        values = made if isinstance(made, (tuple, list)) else [made]
        named = dict(zip(self._outputs, (v.numpy() for v in values), strict=True))
        return [named[name] for name in output_names]
