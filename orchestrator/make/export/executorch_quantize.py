"""PT2E quantization as XNNPACK's kernels want it: s8, weights symmetric. Importing this needs torch and torchao."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
from torch import Tensor
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed

_ATEN = torch.ops.aten
# What recipes call the operators that the quantizer knows.
TYPES = {
    "linear": xnnpack.LINEAR_TARGETS,
    "conv": xnnpack.CONV_TARGETS,
    "conv-transpose": xnnpack.CONV_TRANSPOSE_TARGETS,
    "add": xnnpack.ADD_TARGETS,
    "mul": xnnpack.MUL_TARGETS,
    "cat": xnnpack.CAT_TARGETS,
    "pool": xnnpack.ADAPTIVE_AVG_POOL2D_TARGETS,
}


def quantized(
    module: Any, inputs: tuple[Tensor, ...], recipe: Recipe, feeds: Sequence[Sequence[Tensor]], outputs: int
) -> Any:
    """The exported module with quantized operators, ranges from ``feeds`` where the recipe is static.

    ``outputs``: so many come before the new states, which are what ``exclude=recurrent`` means.

    Raises BadRecipe for a name that the graph does not have, ExportFailed where nothing would be quantized.
    """
    quantizer = xnnpack.XNNPACKQuantizer()
    config = xnnpack.get_symmetric_quantization_config(
        is_per_channel=recipe.get("granularity", "channel") == "channel", is_dynamic=recipe.precision == "int8-dynamic"
    )
    types = _types(module.graph, recipe)
    for name in types:
        for target in TYPES[name]:
            quantizer.set_operator_type(target, config)
    quantizer.set_filter_function(_wanted(module.graph, recipe, outputs))
    prepared = prepare_pt2e(module, quantizer)
    for feed in feeds or [inputs]:
        prepared(*feed)
    made = convert_pt2e(prepared)
    if not any("quantize" in str(node.target) for node in made.graph.nodes if node.op == "call_function"):
        has = ", ".join(sorted({_short(n) for n in module.graph.nodes if n.op == "call_function"}))
        raise ExportFailed(
            f"{recipe} changes nothing in this graph: XNNPACK quantizes none of {has} that way",
            hint="convolutions have no dynamic form; it would be the fp32 artifact under another name: leave it out",
        )
    return made


def _types(graph: Any, recipe: Recipe) -> tuple[str, ...]:
    here = {name for name, targets in TYPES.items() if any(n.target in targets for n in graph.nodes)}
    for option in ("only_types", "exclude_types"):
        for name in recipe.names(option):
            if name not in here:
                known = ", ".join(sorted(here))
                raise BadRecipe(f"{option}: the graph has no {name} to quantize", hint=f"it has {known}")
    only = set(recipe.names("only_types")) or here
    return tuple(sorted(only - set(recipe.names("exclude_types"))))


def _wanted(graph: Any, recipe: Recipe, outputs: int) -> Callable[[Any], bool]:
    """Whether a node lies in the submodules that the recipe means, and leads to no state where it excludes those."""
    recurrent = _leading_to_states(graph, outputs) if recipe.get("exclude", "") == "recurrent" else set()
    only, without = recipe.names("only_modules"), recipe.names("exclude_modules")
    known = {name for node in graph.nodes for name in _within(node)}
    for option, names in (("only_modules", only), ("exclude_modules", without)):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4) or sorted(known)[:10]
                raise BadRecipe(f"{option}: the module has no part {name}", hint=f"nearest: {', '.join(near)}")

    def wanted(node: Any) -> bool:
        names = _within(node)
        if node in recurrent:
            return False
        return (not only or not names.isdisjoint(only)) and names.isdisjoint(without)

    return wanted


def _leading_to_states(graph: Any, outputs: int) -> set[Any]:
    """Nodes whose result goes into a new state: their error would come back with every call."""
    (last,) = [node for node in graph.nodes if node.op == "output"]
    found: set[Any] = set()
    waiting = [node for node in last.args[0][outputs:] if node is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += node.all_input_nodes
    return found


def _within(node: Any) -> set[str]:
    """Dotted names of all submodules that a node lies in, the outermost module (no name) left out."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(path).replace("L['self'].", "").replace("L['self']", "") for path, _ in stack.values()]
    return {path for path in paths if path}


def _short(node: Any) -> str:
    return str(node.target).removeprefix("aten.").partition(".")[0]
