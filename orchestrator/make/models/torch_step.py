"""A transducer's step module as the graph that agents.decode searches with. Needs torch."""

import torch
from torch import nn

from agents.contract import StepContract
from agents.decode.step_graph import allocate


class TorchStep:
    """A ``StepGraph`` that asks the module."""

    def __init__(self, module: nn.Module, search: StepContract) -> None:
        arrays = allocate(search)
        self.batch = search.batch
        self.tokens, self.frames, self.states_in = arrays.tokens, arrays.frames, arrays.states_in
        self.logits, self.states_out = arrays.logits, arrays.states_out
        self._module = module

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def run(self, count: int) -> None:
        inputs = (self.tokens, self.frames, *self.states_in.values())
        logits, *states = self._module(*(torch.from_numpy(rows[:count]) for rows in inputs))
        self.logits[:count] = logits
        for rows, values in zip(self.states_out.values(), states, strict=True):
            rows[:count] = values
