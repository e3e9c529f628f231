"""The swipe-typing model: a streaming Conformer over touch features, a transducer's step over letters. Needs torch.

``load_encoder`` and ``load_step`` give both halves with the committed weights.
"""

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from orchestrator.make.models.reference.conformer import StreamingConformer
from orchestrator.make.models.reference.gesture_rnnt.layout import LABELS
from orchestrator.make.models.reference.rnnt import PredictionJoint

WEIGHTS = Path(__file__).parent / "weights.safetensors"
FEATURES = 34
# Points to a frame: a frame every 40 ms.
STACK = 4
# Frames that an attention looks back: 2.56 s, longer than nine swipes in ten.
LEFT = 64
FRAME = 128


class SwipeTransducer(nn.Module):  # type: ignore[misc]
    """Both halves, and the head that only training knows: letters straight from the encoder's frames, for CTC."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = StreamingConformer(
            FEATURES, FRAME, stack=STACK, d=96, inner=384, layers=3, heads=4, kernel=9, left=LEFT, dropout=0.05
        )
        self.step = PredictionJoint(len(LABELS), FRAME, hidden=128, embedding=64)
        self.ctc = nn.Linear(FRAME, len(LABELS))


def save(model: SwipeTransducer, path: Path) -> None:
    """Write all weights, rounded to float16."""
    save_file({name: values.half().contiguous() for name, values in model.state_dict().items()}, path)


def load(path: Path = WEIGHTS) -> SwipeTransducer:
    """The model with the weights of ``path``, in evaluation mode."""
    model = SwipeTransducer()
    model.load_state_dict({name: values.float() for name, values in load_file(path).items()})
    model.eval()
    return model


def load_encoder() -> StreamingConformer:
    """Called with (features, *states), gives (frames, *new states)."""
    return load().encoder


def load_step() -> PredictionJoint:
    """Called with (token, frame, h, c), gives (logits, h, c)."""
    return load().step
