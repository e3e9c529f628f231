"""The digit recognizer: a streaming LSTM over stacked log-mel frames, trained with CTC. Needs torch."""

import torch
from torch import Tensor, nn

from orchestrator.make.models.reference.digits_lstm.corpora import DIGITS

MEL_COUNT = 40
STACK = 2
HIDDEN = 144
LAYERS = 2
BLANK = 0
LABELS = ("<blank>", *DIGITS)


class DigitRecognizer(nn.Module):  # type: ignore[misc]
    """Frames (N, T, 40), h and c -> logits (N, T / STACK, 11), h and c.

    T is a multiple of STACK; h and c have shape (LAYERS, N, HIDDEN).
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MEL_COUNT))
        self.register_buffer("scale", torch.ones(MEL_COUNT))
        self.lstm = nn.LSTM(MEL_COUNT * STACK, HIDDEN, LAYERS, batch_first=True, dropout=0.1)
        self.head = nn.Linear(HIDDEN, len(LABELS))

    def fresh_state(self, streams: int = 1) -> tuple[Tensor, Tensor]:
        """(h, c) at the start of ``streams`` streams: zeros."""
        return torch.zeros(LAYERS, streams, HIDDEN), torch.zeros(LAYERS, streams, HIDDEN)

    def forward(self, frames: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = (frames - self.mean) * self.scale
        stacked = x.reshape(x.shape[0], -1, MEL_COUNT * STACK)
        y, (h, c) = self.lstm(stacked, (h, c))
        return self.head(y), h, c
