"""The last step of a recipe: the graph optimized by onnxruntime or not, saved as ONNX or in ORT's own format."""

from pathlib import Path

import onnx
import onnxruntime

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.graph_edit import LEVELS


def suffix(recipe: Recipe) -> str:
    return "." + recipe.get("container", "onnx")


def optimization(recipe: Recipe) -> str:
    """The level that was asked for; "all" for an ``.ort`` file, to which a runtime does little more."""
    return recipe.get("optimize", "all" if recipe.get("container", "onnx") == "ort" else "none")


def is_plain(recipe: Recipe) -> bool:
    """Whether the recipe leaves the graph as the precision's exporter made it."""
    return optimization(recipe) == "none" and recipe.get("container", "onnx") == "onnx"


def finished(model: onnx.ModelProto, recipe: Recipe, scratch: Path) -> bytes:
    """The bytes of the artifact."""
    plain: bytes = model.SerializeToString(deterministic=True)
    if is_plain(recipe):
        return plain
    level, container = optimization(recipe), recipe.get("container", "onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = LEVELS[level]
    target = scratch / f"optimized.{container}"
    options.optimized_model_filepath = str(target)
    if container == "ort":
        options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
    return target.read_bytes()


def notes(recipe: Recipe) -> tuple[str, ...]:
    """What a user of the artifact must know about its optimization."""
    if optimization(recipe) == "all":
        return ("optimized for the CPU of the machine that exported it; another CPU may lack its kernels",)
    return ()
