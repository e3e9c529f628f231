"""Recurrent layers written as gates from matrix products: exporters and quantizers know products, not every cell.

nn.LSTM and nn.LSTMCell stay fp32 under XNNPACKQuantizer without a word (executorch 1.5.1). Needs torch.
"""

from typing import Any

import torch
from torch import Tensor, nn


class GatedLstm(nn.Module):  # type: ignore[misc]
    """What an ``nn.LSTM`` of one direction computes, with its weights: one product for the input of all steps of a
    layer, one for the state of each step. Outputs differ by rounding.

    Every tensor keeps its three axes and parts are taken by slices: XNNPACK takes those, but neither squeezing nor
    splitting, and each operator that it leaves costs a way out of it and back.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.axis = 1 if lstm.batch_first else 0
        self.from_input = nn.ModuleList()
        self.from_state = nn.ModuleList()
        for layer in range(lstm.num_layers):
            self.from_input.append(_linear(lstm, f"ih_l{layer}"))
            self.from_state.append(_linear(lstm, f"hh_l{layer}"))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hs, cs = [], []
        for layer, (from_input, from_state) in enumerate(zip(self.from_input, self.from_state, strict=True)):
            h, c = (self._turned(values[layer : layer + 1]) for values in state)
            steps = []
            for entered in _steps(from_input(x), self.axis):
                h, c = lstm_step(entered + from_state(h), c)
                steps.append(h)
            x = torch.cat(steps, self.axis) if len(steps) > 1 else steps[0]
            hs.append(self._turned(h))
            cs.append(self._turned(c))
        return x, (torch.cat(hs), torch.cat(cs))

    def _turned(self, values: Tensor) -> Tensor:
        """(1, N, H) of a state to the layout of one step, and back."""
        return values.transpose(0, 1) if self.axis else values


class GatedLstmCell(nn.Module):  # type: ignore[misc]
    """What an ``nn.LSTMCell`` computes, with its weights."""

    def __init__(self, cell: nn.LSTMCell) -> None:
        super().__init__()
        self.from_input, self.from_state = _linear(cell, "ih"), _linear(cell, "hh")

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        return lstm_step(self.from_input(x) + self.from_state(h), c)


def _steps(values: Tensor, axis: int) -> list[Tensor]:
    """Along ``axis``, which stays."""
    count = values.shape[axis]
    return [values.narrow(axis, at, 1) for at in range(count)] if count > 1 else [values]


def lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """(h, c) from the gates' sums along the last axis: input, forget, cell, output, as torch lays them out."""
    size = c.shape[-1]
    enter, forget, candidate, leave = (gates[..., at * size : (at + 1) * size] for at in range(4))
    c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(candidate)
    return torch.sigmoid(leave) * torch.tanh(c), c


def with_gates(module: nn.Module) -> nn.Module:
    """``module`` with every LSTM in it as gates; changed in place. Others of its kind (GRU, two directions,
    projections) stay as they are."""
    for name, child in module.named_children():
        gated = _gated(child)
        if gated is None:
            with_gates(child)
        else:
            setattr(module, name, gated.train(child.training))
    return module


def _gated(child: nn.Module) -> nn.Module | None:
    if isinstance(child, nn.LSTM) and not child.bidirectional and not child.proj_size:
        return GatedLstm(child)
    return GatedLstmCell(child) if isinstance(child, nn.LSTMCell) else None


def _linear(cell: Any, which: str) -> nn.Linear:
    weight = getattr(cell, f"weight_{which}")
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=cell.bias)
    with torch.no_grad():
        linear.weight.copy_(weight)
        if cell.bias:
            linear.bias.copy_(getattr(cell, f"bias_{which}"))
    return linear


def recurrent_left(module: nn.Module) -> tuple[str, ...]:
    """Recurrent layers that are no gates, by name: a quantizer may pass them over."""
    return tuple(name for name, child in module.named_modules() if isinstance(child, nn.RNNBase | nn.RNNCellBase))
