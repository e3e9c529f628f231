"""Whisper's encoder as a model: its front end, its two forms, where its weights are. Imports no torch."""

from pathlib import Path

from agents.contract import Frontend, StreamContract, TensorSpec
from orchestrator.make.models.checkpoint import CONFIG, weights_path
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.whisper.sizes import SIZES, size_of

_RATE_HZ, _HOP = 16_000, 160
_FOLDER = Path(__file__).parent
# Speech to stream, without texts.
_MANIFEST = _FOLDER / "manifest.jsonl"
_RANDOM = "random weights: it hears nothing, and only its speed can be measured"
# A window and how far it moves, in seconds. The hop form hears the last 5 s each second: long enough for the encoder's
# attention to have context, short enough for a phone.
FORMS = {"hop": (5, 1), "batch": (30, 30)}


def frontend(mels: int, context_samples: int) -> Frontend:
    """The parameters of every Whisper checkpoint but for the number of bands."""
    return Frontend(
        "whisper-mel",
        context_samples,
        window_samples=400,
        hop_samples=_HOP,
        fft_size=400,
        mel_count=mels,
        low_hz=0.0,
        high_hz=8000.0,
        log_floor=1e-10,
    )


def contract(name: str, where: str, form: str) -> StreamContract:
    """Of the encoder of one of ``SIZES`` or of a checkpoint's folder, in one of ``FORMS``. Raises BadModel."""
    size = size_of(where)
    window_s, hop_s = FORMS[form]
    frames = window_s * _RATE_HZ // _HOP
    return StreamContract(
        model=name,
        sample_rate_hz=_RATE_HZ,
        chunk_samples=hop_s * _RATE_HZ,
        allowed_chunk_samples=(hop_s * _RATE_HZ,),
        frontend=frontend(size.mels, (window_s - hop_s) * _RATE_HZ),
        input=TensorSpec("mels", (1, size.mels, frames)),
        states=(),
        outputs=(TensorSpec("encoded", (1, frames // 2, size.width)),),
        time_axis=2,
    )


def source(name: str, where: str, form: str = "hop") -> ModelSource:
    """Raises BadModel for a folder that holds no checkpoint of Whisper's."""
    files = [_FOLDER / "model.py", _FOLDER / "sizes.py"]
    note = _RANDOM if where in SIZES else None
    if where not in SIZES:
        files += [Path(where) / CONFIG, weights_path(Path(where))]
    module = ModuleRef(f"{__package__}.model:load", (where,), tuple(files))
    return ModelSource(name, contract(name, where, form), None, module.sha256, _MANIFEST, module=module, note=note)
