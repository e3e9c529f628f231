"""A folder with a Hugging Face checkpoint: ``config.json`` and ``model.safetensors``, as trainers publish them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.errors import BadModel

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def read_config(folder: Path) -> dict[str, Any]:
    """Raises BadModel where there is none, or it is no JSON object."""
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text())
    except OSError as exc:
        raise BadModel(
            f"cannot read {path}: {exc.strerror or exc}", hint="name a folder with config.json and model.safetensors"
        ) from exc
    except ValueError as exc:
        raise BadModel(f"{path} is no JSON: {exc}", hint="download the checkpoint again") from exc
    if not isinstance(found, dict):
        raise BadModel(f"{path} must hold an object, got {type(found).__name__}", hint="download the checkpoint again")
    return found


@contextmanager
def required(folder: Path) -> Iterator[None]:
    """What is read from a config inside it and is not there, or of another type, becomes BadModel."""
    try:
        yield
    except KeyError as exc:
        raise BadModel(f"{folder / CONFIG} lacks {exc}", hint="it is the config of another architecture") from exc
    except (TypeError, ValueError) as exc:
        raise BadModel(f"{folder / CONFIG}: {exc}", hint="compare it with the one that its trainers published") from exc


def weights_path(folder: Path) -> Path:
    """Raises BadModel where there are none, or they are split over several files."""
    path = folder / WEIGHTS
    if not path.is_file():
        parts = sorted(p.name for p in folder.glob("*.safetensors"))
        told = f"it has {', '.join(parts[:3])}" if parts else "it has no .safetensors file"
        raise BadModel(f"{folder} has no {WEIGHTS}: {told}", hint="save_pretrained with a larger max_shard_size")
    return path


def read_weights(folder: Path) -> Mapping[str, Any]:
    """Tensors by name, float32. Needs torch and safetensors; raises BadModel where they cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = weights_path(folder)
    try:
        return {name: tensor.float() for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError) as exc:
        raise BadModel(f"cannot read {path}: {exc}", hint="download it again and compare its size") from exc


def fill(module: Any, names: Mapping[str, str], weights: Mapping[str, Any], what: str) -> None:
    """Put ``weights`` into ``module``. ``names``: parameter -> its name in the checkpoint. Raises BadModel with the
    names of those that are absent or have another shape."""
    own = module.state_dict()
    absent = [theirs for theirs in names.values() if theirs not in weights]
    if absent:
        raise BadModel(f"{what} lacks {len(absent)} weights, such as {absent[0]}", hint="it is another architecture")
    for ours, theirs in names.items():
        if weights[theirs].shape != own[ours].shape:
            shapes = f"{tuple(weights[theirs].shape)}, not {tuple(own[ours].shape)}"
            raise BadModel(f"{theirs} of {what} has the shape {shapes}", hint="config.json and weights differ")
    module.load_state_dict({ours: weights[theirs] for ours, theirs in names.items()}, strict=False)
