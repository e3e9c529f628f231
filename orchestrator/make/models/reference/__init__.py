"""Reference models with weights trained here: where their files lie, and by which name torch finds their modules.

Imports no torch. Two have their graphs beside the weights, so that a first run needs no torch; those of the others are
made from the module.
"""

import ast
import json
from functools import cache
from pathlib import Path

from agents.contract import StreamContract
from agents.strict_json import from_json
from orchestrator.errors import BadInput

_HERE = "orchestrator.make.models.reference"
_ROOT = Path(__file__).parent
# Name -> "module:function" that gives the nn.Module with its weights; the folder of that module is the model's.
MODULES = {
    "kws": f"{_HERE}.kws.load:load",
    "digits-lstm": f"{_HERE}.digits_lstm.load:load",
    "digits-quartznet": f"{_HERE}.digits_quartznet.load:load",
    "digits-conformer": f"{_HERE}.digits_conformer.model:load_encoder",
    "gesture-rnnt": f"{_HERE}.gesture_rnnt.model:load_encoder",
}
# The second graph of those that are transducers.
STEP_MODULES = {
    "digits-conformer": f"{_HERE}.digits_conformer.model:load_step",
    "gesture-rnnt": f"{_HERE}.gesture_rnnt.model:load_step",
}
REFERENCE_MODELS: dict[str, Path] = {name: _ROOT / target.split(".")[-2] for name, target in MODULES.items()}
# Those whose graphs are beside their weights.
WITH_GRAPHS = ("kws", "digits-lstm")


def _folder(name: str) -> Path:
    if name not in REFERENCE_MODELS:
        raise BadInput(f"no reference model {name!r}; known are {', '.join(REFERENCE_MODELS)}")
    return REFERENCE_MODELS[name]


def load_contract(name: str) -> StreamContract:
    """The stream contract of a reference model. Raises BadInput for an unknown name, as all functions here."""
    return from_json(StreamContract, json.loads((_folder(name) / "contract.json").read_text()))


def onnx_path(name: str) -> Path:
    """The fp32 graph, of those ``WITH_GRAPHS``."""
    return _folder(name) / "model.onnx"


def tflite_path(name: str) -> Path:
    """The fp32 graph for LiteRT, for chunks of the contract's own size, of those ``WITH_GRAPHS``."""
    return _folder(name) / "model.tflite"


def weights_path(name: str) -> Path:
    """What training left: float32 or, rounded, float16."""
    return _folder(name) / "weights.safetensors"


def manifest_path(name: str) -> Path:
    """The evaluation set: one JSON object a line, beside the audio it names."""
    return _folder(name) / "manifest.jsonl"


def lexicon_path(name: str) -> Path:
    """The words of a ``trie`` decoder, of those that have one."""
    return _folder(name) / "lexicon.csv"


@cache
def code_paths(name: str) -> tuple[Path, ...]:
    """What defines the modules beside their weights: where they are built, and whatever that imports of this folder."""
    _folder(name)
    targets = [target[name] for target in (MODULES, STEP_MODULES) if name in target]
    waiting = [target.partition(":")[0] for target in targets]
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _ROOT.joinpath(*module.removeprefix(f"{_HERE}.").split(".")).with_suffix(".py")
        if module not in found and path.is_file():
            found[module] = path
            waiting += _imported(path)
    return tuple(found[module] for module in sorted(found))


def _imported(path: Path) -> list[str]:
    """Modules of this folder that the file may name, read and not run: running it takes torch."""
    named = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ImportFrom)]
    modules = {node.module or "" for node in named}
    modules |= {f"{node.module}.{alias.name}" for node in named for alias in node.names}
    return sorted(module for module in modules if module.startswith(f"{_HERE}."))
