"""Models that are built when they are asked for: from an installed wheel, from a checkpoint's folder, or with random
weights, with which only speed can be measured. Imports no torch.
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models.module import imported_function
from orchestrator.make.models.source import ModelSource

_MODELS = "orchestrator.make.models"
# Name -> "module:function", called with these arguments. Their graphs are made from PyTorch modules.
BUILDERS: dict[str, tuple[str, ...]] = {
    "silero-vad": (f"{_MODELS}.silero.source:source",),
    "whisper-encoder": (f"{_MODELS}.whisper.source:source", "whisper-encoder", "whisper-tiny", "hop"),
    "whisper-encoder-30s": (f"{_MODELS}.whisper.source:source", "whisper-encoder-30s", "whisper-tiny", "batch"),
    "distil-small": (f"{_MODELS}.whisper.source:source", "distil-small", "distil-small", "hop"),
    "causal-lm": (f"{_MODELS}.causal_lm.source:source", "causal-lm", "causal-lm"),
    "causal-lm-qwen2-0.5b": (f"{_MODELS}.causal_lm.source:source", "causal-lm-qwen2-0.5b", "causal-lm-qwen2-0.5b"),
}
# 2 GB of weights: for those who ask for it by its name.
_UNLISTED = ("causal-lm-qwen2-0.5b",)
# Installed wheels that a builder takes its weights from.
_WHEELS = {"silero-vad": "silero_vad"}
# What config.json calls an architecture -> what builds it.
_FAMILIES = {"whisper": f"{_MODELS}.whisper.source:source", "qwen2": f"{_MODELS}.causal_lm.source:source"}
_FORMS = {"whisper": ("hop", "batch")}

CHECKPOINT_FILE = "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """What the library keeps of an imported checkpoint: where its folder is, and in which form it is streamed."""

    folder: str
    form: str = ""


def available() -> tuple[str, ...]:
    """The builders to show: those whose weights are at hand and of moderate size."""
    shown = (n for n in BUILDERS if n not in _UNLISTED)
    return tuple(n for n in shown if n not in _WHEELS or importlib.util.find_spec(_WHEELS[n]) is not None)


def built(name: str) -> ModelSource:
    """One of ``BUILDERS``. Raises BadInput where the wheel that it comes from is not installed."""
    target, *arguments = BUILDERS[name]
    source: ModelSource = imported_function(target)(*arguments)
    return source


def of_checkpoint(name: str, checkpoint: Checkpoint) -> ModelSource:
    """Raises BadModel for a folder that cannot be used, BadInput for a form that its architecture has not."""
    from orchestrator.make.models.checkpoint import read_config

    folder = Path(checkpoint.folder)
    family = read_config(folder).get("model_type")
    if family not in _FAMILIES:
        raise BadModel(
            f"{folder} holds a {family!r} model; known are {', '.join(_FAMILIES)}",
            hint="docs/how-to/your-pytorch-model.md brings any other one",
        )
    forms = [checkpoint.form] if checkpoint.form else []
    if forms and checkpoint.form not in _FORMS.get(family, ()):
        known = " or ".join(_FORMS.get(family, ())) or "one form only"
        raise BadInput(f"a {family} model has {known}, got --form {checkpoint.form}", hint="leave --form out")
    source: ModelSource = imported_function(_FAMILIES[family])(name, str(folder), *forms)
    return source


def keep(checkpoint: Checkpoint, library_entry: Path) -> None:
    """Write it into a model's folder of the library."""
    (library_entry / CHECKPOINT_FILE).write_text(json.dumps(to_json(checkpoint), indent=2) + "\n")


def kept(library_entry: Path) -> ModelSource:
    """The model of a folder of the library that holds ``CHECKPOINT_FILE``. Raises BadModel."""
    return of_checkpoint(library_entry.name, checkpoint_of(library_entry))


def checkpoint_of(library_entry: Path) -> Checkpoint:
    """What the library keeps of it. Raises BadModel."""
    path = library_entry / CHECKPOINT_FILE
    try:
        return from_json(Checkpoint, json.loads(path.read_text()))
    except (OSError, ValueError, MalformedJson) as exc:
        raise BadModel(f"cannot read {path}: {exc}", hint="earshot models import FOLDER --replace") from exc
