"""The last step of a recipe: the graph optimized by onnxruntime or not, saved as ONNX or in ORT's own format."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime

from agents.contract import StatePair
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export import optional_state
from orchestrator.make.export.canonical import canonical
from orchestrator.make.export.child import child_environment
from orchestrator.make.export.graph_edit import LEVELS

_HARDWARE_NOTE = "optimized for the CPU of the machine that exported it; another CPU may lack its kernels"
_VARIES_NOTE = "this machine does not allow fixed addresses, so a second export of this .ort file has other bytes"
_SAVE_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Finished:
    """The bytes of an artifact, its graph as ONNX, and what its user must know."""

    content: bytes
    model: onnx.ModelProto
    notes: tuple[str, ...]


def suffix(recipe: Recipe) -> str:
    return "." + recipe.get("container", "onnx")


def optimization(recipe: Recipe) -> str:
    """The level that was asked for; "all" for an ``.ort`` file, to which a runtime does little more."""
    return recipe.get("optimize", "all" if recipe.get("container", "onnx") == "ort" else "none")


def is_plain(recipe: Recipe) -> bool:
    """Whether the recipe leaves the graph as the precision's exporter made it."""
    return (
        optimization(recipe) == "none"
        and recipe.get("container", "onnx") == "onnx"
        and not optional_state.wanted(recipe)
    )


def finished(model: onnx.ModelProto, recipe: Recipe, states: Sequence[StatePair], scratch: Path) -> Finished:
    """``model``, which has these ``states``, optimized and packed as the recipe says. The same model gives the same
    bytes."""
    level = optimization(recipe)
    notes: tuple[str, ...] = ()
    if level != "none":
        model = _optimized(model, level, scratch)
    if level == "all":
        notes = (_HARDWARE_NOTE,)
    if optional_state.wanted(recipe):
        model = optional_state.with_optional_states(model, states)
    content: bytes = model.SerializeToString(deterministic=True)
    if recipe.get("container", "onnx") == "ort":
        content, more = _to_ort(content, scratch)
        notes += more
    return Finished(content, model, notes)


def _optimized(model: onnx.ModelProto, level: str, scratch: Path) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = LEVELS[level]
    target = scratch / "optimized.onnx"
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return canonical(onnx.load(target), model)


def _to_ort(content: bytes, scratch: Path) -> tuple[bytes, tuple[str, ...]]:
    source, target = scratch / "packed.onnx", scratch / "packed.ort"
    source.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.make.export.ort_saver", str(source), str(target)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=child_environment(),
        timeout=_SAVE_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ExportFailed(f"onnxruntime cannot save the graph as .ort: {last[0][:300]}")
    return target.read_bytes(), () if done.stdout == b"fixed\n" else (_VARIES_NOTE,)
