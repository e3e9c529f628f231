"""A causal language model as a stream of tokens. Imports no torch."""

from pathlib import Path

from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.tokens import SAMPLES_PER_TOKEN
from orchestrator.make.models.causal_lm.sizes import SIZES, size_of
from orchestrator.make.models.checkpoint import CONFIG, weights_path
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

# About twice as fast as people read: 240 words a minute of four tokens for three words are 5.3 a second.
TOKENS_PER_S = 10
# Tokens that the cache holds.
WINDOW = 256
_FOLDER = Path(__file__).parent
_MANIFEST = _FOLDER / "manifest.jsonl"
_RANDOM = "random weights: what it says means nothing, and only its speed can be measured"


def contract(name: str, where: str, window: int = WINDOW) -> StreamContract:
    """Of one of ``SIZES`` or of a checkpoint's folder. Raises BadModel."""
    size = size_of(where)
    cache = (size.layers, size.shared, window, size.head_width)
    return StreamContract(
        model=name,
        sample_rate_hz=TOKENS_PER_S * SAMPLES_PER_TOKEN,
        chunk_samples=SAMPLES_PER_TOKEN,
        allowed_chunk_samples=(SAMPLES_PER_TOKEN,),
        frontend=Frontend("tokens", hop_samples=SAMPLES_PER_TOKEN),
        input=TensorSpec("token", (1, 1), "int64"),
        states=(
            StatePair("keys_in", "keys_out", cache),
            StatePair("values_in", "values_out", cache),
            StatePair("filled_in", "filled_out", (1,)),
        ),
        outputs=(TensorSpec("logits", (1, 1, size.vocabulary)),),
    )


def source(name: str, where: str) -> ModelSource:
    """Raises BadModel for a folder that holds no checkpoint of Qwen2's."""
    files = [_FOLDER / "model.py", _FOLDER / "sizes.py"]
    note = _RANDOM if where in SIZES else None
    if where not in SIZES:
        files += [Path(where) / CONFIG, weights_path(Path(where))]
    module = ModuleRef(f"{__package__}.model:load", (where, str(WINDOW)), tuple(files))
    return ModelSource(name, contract(name, where), None, module.sha256, _MANIFEST, module=module, note=note)
