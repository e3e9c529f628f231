"""How large the encoders of the Whisper family are. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadModel
from orchestrator.make.models.checkpoint import read_config, required

# Positions of an encoder: 30 s of frames, two frames to each (arXiv:2212.04356, section 2.2).
MOST_POSITIONS = 1500


@dataclass(frozen=True)
class EncoderSize:
    """``width`` of the model, ``inner`` of its feed-forward layers, ``mels`` of its input."""

    width: int
    layers: int
    heads: int
    inner: int
    mels: int = 80

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads, self.inner, self.mels) < 1 or self.width % (2 * self.heads):
            raise ValueError(f"sizes must be > 0 and the width even for each head, got {self}")


# arXiv:2212.04356, table 1. The encoder of distil-small.en is that of small.en (arXiv:2311.00430, section 3.1).
SIZES = {
    "whisper-tiny": EncoderSize(384, 4, 6, 1536),
    "whisper-base": EncoderSize(512, 6, 8, 2048),
    "whisper-small": EncoderSize(768, 12, 12, 3072),
    "distil-small": EncoderSize(768, 12, 12, 3072),
}


def size_of(where: str) -> EncoderSize:
    """One of ``SIZES``, or that of a checkpoint's folder. Raises BadModel for one without a config of Whisper's."""
    if where in SIZES:
        return SIZES[where]
    folder = Path(where)
    config = read_config(folder)
    if config.get("model_type") != "whisper":
        raise BadModel(f"{folder} holds a {config.get('model_type')!r} model, not a whisper one", hint="check the path")
    with required(folder):
        return EncoderSize(
            width=int(config["d_model"]),
            layers=int(config["encoder_layers"]),
            heads=int(config["encoder_attention_heads"]),
            inner=int(config["encoder_ffn_dim"]),
            mels=int(config.get("num_mel_bins", 80)),
        )
