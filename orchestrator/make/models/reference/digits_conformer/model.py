"""The digit transducer: a streaming Conformer over log-mel frames, and the step that tells digits from it. Needs torch.

``load_encoder`` and ``load_step`` give both halves with the committed weights.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from orchestrator.make.models.reference.conformer import StreamingConformer
from orchestrator.make.models.reference.digits_lstm.corpora import DIGITS
from orchestrator.make.models.reference.rnnt import PredictionJoint

WEIGHTS = Path(__file__).parent / "weights.safetensors"
MEL_COUNT = 40
STACK = 4
FRAME = 128
BLANK = 0
LABELS = ("<blank>", *DIGITS)


class DigitEncoder(nn.Module):  # type: ignore[misc]
    """Frames (N, T, 40) and states -> (N, T / STACK, FRAME) and new states. T is a multiple of STACK."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(MEL_COUNT))
        self.register_buffer("scale", torch.ones(MEL_COUNT))
        # No dropout: so much is heard of each string in training that nothing is learned by heart.
        self.conformer = StreamingConformer(MEL_COUNT, FRAME, stack=STACK, inner=384, dropout=0.0)

    def state_shapes(self, streams: int = 1) -> list[tuple[int, ...]]:
        """As of the conformer."""
        return self.conformer.state_shapes(streams)

    def fresh_state(self, streams: int = 1) -> list[Tensor]:
        """States at the start of ``streams`` streams."""
        return self.conformer.fresh_state(streams)

    def forward(self, frames: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.conformer((frames - self.mean) * self.scale, *states)
        return outputs


class DigitTransducer(nn.Module):  # type: ignore[misc]
    """Both halves, and the head that only training knows: labels straight from the encoder's frames, for CTC."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = DigitEncoder()
        self.step = PredictionJoint(len(LABELS), FRAME)
        self.ctc = nn.Linear(FRAME, len(LABELS))


def save(model: DigitTransducer, path: Path) -> None:
    """Write all weights, rounded to float16."""
    save_file({name: values.half().contiguous() for name, values in model.state_dict().items()}, path)


def load(path: Path = WEIGHTS) -> DigitTransducer:
    """The model with the weights of ``path``, in evaluation mode."""
    model = DigitTransducer()
    model.load_state_dict({name: values.float() for name, values in load_file(path).items()})
    model.eval()
    return model


def load_encoder() -> DigitEncoder:
    """Called with (frames, *states), gives (encoded, *new states)."""
    return load().encoder


def load_step() -> PredictionJoint:
    """Called with (token, frame, h, c), gives (logits, h, c)."""
    return load().step
