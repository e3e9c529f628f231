"""Reference models with weights trained here: where their graph, contract and evaluation set lie. Imports no torch."""

import json
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import from_json
from orchestrator.errors import BadInput

_ROOT = Path(__file__).parent
REFERENCE_MODELS: dict[str, Path] = {"kws": _ROOT / "kws", "digits-lstm": _ROOT / "digits_lstm"}


def _folder(name: str) -> Path:
    if name not in REFERENCE_MODELS:
        raise BadInput(f"no reference model {name!r}; known are {', '.join(REFERENCE_MODELS)}")
    return REFERENCE_MODELS[name]


def load_contract(name: str) -> StreamContract:
    """The stream contract of a reference model. Raises BadInput for an unknown name, as all functions here."""
    return from_json(StreamContract, json.loads((_folder(name) / "contract.json").read_text()))


def onnx_path(name: str) -> Path:
    """The fp32 graph."""
    return _folder(name) / "model.onnx"


def tflite_path(name: str) -> Path:
    """The fp32 graph for LiteRT, for chunks of the contract's own size."""
    return _folder(name) / "model.tflite"


def manifest_path(name: str) -> Path:
    """The evaluation set: one JSON object a line, beside the audio it names."""
    return _folder(name) / "manifest.jsonl"
