"""A transducer's step module as the graph that agents.decode searches with. Needs torch."""

import torch
from torch import nn

from agents.contract import StepContract
from agents.decode.step_graph import StepMemory


class TorchStep(StepMemory):
    """A ``StepGraph`` that asks the module."""

    def __init__(self, module: nn.Module, search: StepContract) -> None:
        super().__init__(search)
        self._module = module

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def run(self, count: int) -> None:
        inputs = (self.tokens, self.frames, *self.states_in.values())
        logits, *states = self._module(*(torch.from_numpy(rows[:count]) for rows in inputs))
        self.logits[:count] = logits
        for rows, values in zip(self.states_out.values(), states, strict=True):
            rows[:count] = values
