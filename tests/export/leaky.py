"""Small modules for formats that are made from one. Named as a model's sources are: ``tests.export.leaky:leaky``."""

import torch
from torch import Tensor, nn

from tests.agents.device import HIDDEN


class Leaky(nn.Module):
    """state' = tanh(a linear layer of the state and of the chunk's mean); y = a linear layer of it. Any chunk size."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(HIDDEN + 1, HIDDEN), nn.Linear(HIDDEN, HIDDEN)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        new = torch.tanh(self.enter(torch.cat([state, x.mean(dim=1, keepdim=True) * 10], dim=1)))
        return self.leave(new), new


class Lent(nn.Module):
    """Its new state is a piece of its input: the next chunk is written over it."""

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return state + 0.0, x[:, -HIDDEN:]


def leaky() -> nn.Module:
    torch.manual_seed(7)
    return Leaky()


def lent() -> nn.Module:
    return Lent()


class Wide(nn.Module):
    """As Leaky, with a layer between that has enough weights to be worth a palette."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(HIDDEN + 1, 64), nn.Linear(64, HIDDEN)
        self.between = nn.Linear(64, 64)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        inner = torch.relu(self.enter(torch.cat([state, x.mean(dim=1, keepdim=True)], dim=1)))
        new = torch.tanh(self.leave(torch.relu(self.between(inner))))
        return new + 0.5, new


class Odd(nn.Module):
    """With an operator that Core ML's converter does not know."""

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return torch.histc(x, HIDDEN).reshape(1, HIDDEN) + state, state * 0.5


def wide() -> nn.Module:
    torch.manual_seed(7)
    return Wide()


def odd() -> nn.Module:
    return Odd()
