"""The wheel's JIT weights in a module of our own, which exporters take: they refuse the JIT archive. Needs torch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Of the 16 kHz half of the archive.
_PREFIX = "_model."
_BINS, _STFT_HOP, _REFLECTED = 129, 128, 64
# (inputs, outputs, stride) of the four convolutions behind the STFT, which leave one frame of it.
_CONVOLUTIONS = ((_BINS, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1))
_UNITS = 128


class SileroVad(nn.Module):  # type: ignore[misc]
    """(1, 576) samples, 64 of them context, and state (2, 1, 128) -> probability of speech (1, 1), new state."""

    def __init__(self) -> None:
        super().__init__()
        self.stft = nn.Conv1d(1, 2 * _BINS, 2 * _STFT_HOP, stride=_STFT_HOP, bias=False)
        self.encoder = nn.ModuleList(nn.Conv1d(i, o, 3, stride=s, padding=1) for i, o, s in _CONVOLUTIONS)
        self.gates_of_input = nn.Linear(_UNITS, 4 * _UNITS)
        self.gates_of_state = nn.Linear(_UNITS, 4 * _UNITS)
        self.head = nn.Conv1d(_UNITS, 1, 1)

    def forward(self, samples: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        padded = functional.pad(samples.unsqueeze(1), (0, _REFLECTED), mode="reflect")
        real, imaginary = self.stft(padded).split(_BINS, dim=1)
        x = torch.sqrt(real * real + imaginary * imaginary)
        for convolution in self.encoder:
            x = functional.relu(convolution(x))
        h, c = self._cell(x.squeeze(-1), state[0], state[1])
        probability = torch.sigmoid(self.head(functional.relu(h.unsqueeze(-1))))
        return probability.squeeze(1), torch.stack([h, c])

    def _cell(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """An LSTM's, as primitive gates."""
        keep_in, forget, new, out = (self.gates_of_input(x) + self.gates_of_state(h)).chunk(4, dim=1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(keep_in) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(c), c


def load(jit_path: str) -> SileroVad:
    """The module with the weights of the archive at ``jit_path``. Raises torch's own errors where it is another one."""
    archive = torch.jit.load(jit_path, map_location="cpu").state_dict()
    model = SileroVad()
    model.load_state_dict({ours: archive[_PREFIX + theirs] for ours, theirs in _names().items()})
    return model


def _names() -> dict[str, str]:
    """Our weight -> the archive's."""
    names = {"stft.weight": "stft.forward_basis_buffer"}
    for kind in ("weight", "bias"):
        for i in range(len(_CONVOLUTIONS)):
            names[f"encoder.{i}.{kind}"] = f"encoder.{i}.reparam_conv.{kind}"
        names[f"gates_of_input.{kind}"] = f"decoder.rnn.{kind}_ih"
        names[f"gates_of_state.{kind}"] = f"decoder.rnn.{kind}_hh"
        names[f"head.{kind}"] = f"decoder.decoder.2.{kind}"
    return names
