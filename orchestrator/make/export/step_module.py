"""A transducer's step graph out of torch: in the order of arguments that exporters use, and asked in a search.

Needs torch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.contract import Decoder, StepContract, StreamContract
from agents.decode.rnnt import GreedyRnnt
from agents.decode.step_graph import Search
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.stepping import Feeds, chunk_inputs
from orchestrator.make.models.torch_step import TorchStep


class FrameFirst(nn.Module):  # type: ignore[misc]
    """(frame, *states, token) -> (logits, *states): the input first and the constants last, as of any model."""

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step

    def forward(self, frame: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        *states, token = rest
        return tuple(self.step(token, frame, *states))


def adapted(target: str, *args: str) -> nn.Module:
    """The step module named so, as ``FrameFirst``."""
    return FrameFirst(ModuleRef(target, args).load())


class AskedStep(TorchStep):
    """Keeps what it was asked."""

    def __init__(self, step: nn.Module, search: StepContract) -> None:
        super().__init__(step, search)
        self._search = search
        self.calls: list[Feeds] = []

    def run(self, count: int) -> None:
        search = self._search
        asked = {search.token.name: self.tokens, search.frame.name: self.frames, **self.states_in}
        self.calls.append({name: values[:count].copy() for name, values in asked.items()})
        super().run(count)


@torch.no_grad()  # type: ignore[untyped-decorator]
def asked_in_searches(
    encoder: nn.Module, step: nn.Module, contract: StreamContract, audio: Sequence[NDArray[np.int16]], most: int
) -> list[Feeds]:
    """What greedy searches over ``audio`` ask the step graph, in fp32: the first ``most`` calls."""
    assert contract.search is not None
    asked = AskedStep(step, contract.search)
    greedy = Decoder("rnnt", contract.decoder.labels, blank=contract.decoder.blank, max_symbols=3)
    for samples in audio:
        search = GreedyRnnt(greedy, Search(asked, contract.search))
        states: list[Any] = [torch.full(s.shape, s.initial) for s in contract.states]
        for chunk in chunk_inputs(contract, samples, contract.chunk_samples):
            encoded, *states = encoder(torch.from_numpy(chunk), *states)
            search.push(encoded.numpy())
            if len(asked.calls) >= most:
                return asked.calls[:most]
    return asked.calls
