"""How large a Qwen2 model is (arXiv:2407.10671). Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import BadModel
from orchestrator.make.models.checkpoint import CONFIG, read_config, required


@dataclass(frozen=True)
class LmSize:
    """``heads`` of queries share ``shared`` heads of keys and values; ``tied``: the output reads the embedding."""

    width: int
    layers: int
    heads: int
    shared: int
    inner: int
    vocabulary: int
    theta: float = 1e6
    epsilon: float = 1e-6
    tied: bool = True

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads, self.shared, self.inner, self.vocabulary) < 1:
            raise ValueError(f"sizes must be > 0, got {self}")
        if self.width % (2 * self.heads) or self.heads % self.shared:
            raise ValueError(f"heads must divide the width evenly, and shared the heads, got {self}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads


# causal-lm is small enough for every check; the other one has the sizes of Qwen2-0.5B (arXiv:2407.10671, table 1; the
# feed-forward width and the vocabulary are those of its published config).
SIZES = {
    "causal-lm": LmSize(256, 4, 4, 2, 704, 4096),
    "causal-lm-qwen2-0.5b": LmSize(896, 24, 14, 2, 4864, 151_936),
}


def size_of(where: str) -> LmSize:
    """One of ``SIZES``, or that of a checkpoint's folder. Raises BadModel for a folder without a config of Qwen2's, or
    with one that asks for what is not computed here."""
    if where in SIZES:
        return SIZES[where]
    folder = Path(where)
    config = read_config(folder)
    if config.get("model_type") != "qwen2":
        raise BadModel(f"{folder} holds a {config.get('model_type')!r} model, not a qwen2 one", hint="check the path")
    _require_plain(folder, config)
    with required(folder):
        return LmSize(
            width=int(config["hidden_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            shared=int(config["num_key_value_heads"]),
            inner=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            theta=_theta(config),
            epsilon=float(config["rms_norm_eps"]),
            tied=bool(config["tie_word_embeddings"]),
        )


def _require_plain(folder: Path, config: dict[str, Any]) -> None:
    ropes = [config.get(key) or {} for key in ("rope_scaling", "rope_parameters")]
    plain = {
        "hidden_act": config.get("hidden_act", "silu") == "silu",
        "use_sliding_window": not config.get("use_sliding_window"),
        "rope_type": all(r.get("rope_type", r.get("type", "default")) == "default" for r in ropes),
    }
    other = [key for key, is_plain in plain.items() if not is_plain]
    if other:
        raise BadModel(f"{folder / CONFIG}: no {other[0]} but the plain one is implemented", hint="take a plain Qwen2")


def _theta(config: dict[str, Any]) -> float:
    """Where transformers 5 writes it, or where transformers 4 does."""
    return float((config.get("rope_parameters") or config)["rope_theta"])
