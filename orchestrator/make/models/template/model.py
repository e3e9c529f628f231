"""A streaming model as Earshot takes it: a PyTorch module whose whole memory goes in and out.

This one tells low tones from high ones, so that `earshot tune` has something to measure; put your own in its place.
model.toml says how it is streamed, manifest.jsonl on which recordings it is scored.
"""

import torch
from torch import Tensor, nn

MELS = 40
# Frames of 10 ms that an output looks back beside its own. Padding would hear silence at every chunk's start: what came
# before is a state instead.
PAST = 7
LABELS = ("low", "high", "silence")


class ToneDetector(nn.Module):
    """Called with (input, *states, *constants) in the order of model.toml; returns (*outputs, *new states).

    Frames (1, T, MELS) and the PAST frames before them -> logits (1, T, labels), the newest PAST frames. T is whatever
    the chunk holds: the same module hears a chunk and a whole recording.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bands = nn.Linear(MELS, 2)
        self.smooth = nn.Conv1d(2, 2, PAST + 1, groups=2, bias=False)
        self.head = nn.Linear(2, len(LABELS))

    def forward(self, frames: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        heard = torch.cat([past, frames], dim=1)
        # How far each band lies over the quiet, summed over the low half and the high half.
        loud = self.bands(torch.relu(heard))
        smoothed = self.smooth(loud.transpose(1, 2)).transpose(1, 2)
        return self.head(smoothed), heard[:, -PAST:]


def build() -> nn.Module:
    """What model.toml names: the module with its weights. Earshot calls eval() on it.

    With weights of your own: module.load_state_dict(torch.load(Path(__file__).parent / "weights.pt")), and that file's
    name in `files` of model.toml.
    """
    module = ToneDetector()
    with torch.no_grad():
        low = (torch.arange(MELS) < MELS // 2).float()
        module.bands.weight.copy_(torch.stack([low, 1 - low]))
        module.bands.bias.zero_()
        module.smooth.weight.fill_(1 / (PAST + 1))
        module.head.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0], [-0.5, -0.5]]))
        module.head.bias.copy_(torch.tensor([0.0, 0.0, 2.0]))
    return module
