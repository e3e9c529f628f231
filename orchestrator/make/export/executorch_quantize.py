"""PT2E quantization as XNNPACK's kernels want it: s8, weights symmetric. Importing this needs torch and torchao."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack
from torch import Tensor
from torchao.quantization.pt2e import MinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed

# That of XNNPACK's own scheme.
_LEAST_SCALE = 2.0**-12
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
# Of a recurrent cell these stay in float: with any one of them in int8, static digits-lstm came to 11..13 dB, with its
# products alone to 37 dB.
_ELEMENTWISE = (*xnnpack.ADD_TARGETS, *xnnpack.MUL_TARGETS, *xnnpack.CAT_TARGETS)
# What changes no value.
_MOVES = (
    *("cat", "chunk", "narrow", "select", "slice", "split", "split_with_sizes", "stack", "<built-in function getitem>"),
    *("clone", "contiguous", "flatten", "permute", "reshape", "roll", "squeeze", "transpose", "unsqueeze", "view"),
)


def quantized(
    module: Any, inputs: tuple[Tensor, ...], recipe: Recipe, feeds: Sequence[Sequence[Tensor]], outputs: int
) -> Any:
    """The exported module with quantized operators, ranges from ``feeds`` where the recipe is static.

    ``outputs``: so many come before the new states, which are what ``exclude=recurrent`` means.

    Raises BadRecipe for a name that the graph does not have, ExportFailed where nothing would be quantized.
    """
    quantizer = xnnpack.XNNPACKQuantizer()
    config = _scheme(recipe)
    types = _types(module.graph, recipe)
    for name in types:
        for target in TYPES[name]:
            quantizer.set_operator_type(target, config)
    wanted = _wanted(module.graph, recipe, outputs)
    quantizer.set_filter_function(wanted)
    for node in module.graph.nodes:
        # Concatenations are not put to the filter (executorch 1.5.1); what is annotated already is passed over.
        if node.target in xnnpack.CAT_TARGETS and not wanted(node):
            node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(_annotated=True)
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


def _scheme(recipe: Recipe) -> Any:
    """XNNPACK's own, but for how the ranges of static activations are found: by their extremes, because a histogram
    cuts off what is rare, and the starts of streams are."""
    per_channel = recipe.get("granularity", "channel") == "channel"
    if recipe.precision == "int8-dynamic":
        return xnnpack.get_symmetric_quantization_config(is_per_channel=per_channel, is_dynamic=True)
    scheme = xnnpack.get_symmetric_quantization_config(is_per_channel=per_channel)
    observer = MinMaxObserver.with_args(eps=_LEAST_SCALE)
    activation = replace(scheme.input_activation, observer_or_fake_quant_ctr=observer)
    return replace(scheme, input_activation=activation, output_activation=activation)


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
    if recipe.get("exclude", "") == "recurrent":
        in_float = _leading_to_states(graph, outputs)
    else:
        in_float = {n for n in coming_back(graph, outputs) if n.target in _ELEMENTWISE}
    only, without = recipe.names("only_modules"), recipe.names("exclude_modules")
    known = {name for node in graph.nodes for name in _within(node)}
    for option, names in (("only_modules", only), ("exclude_modules", without)):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4) or sorted(known)[:10]
                raise BadRecipe(f"{option}: the module has no part {name}", hint=f"nearest: {', '.join(near)}")

    def wanted(node: Any) -> bool:
        names = _within(node)
        if node in in_float:
            return False
        return (not only or not names.isdisjoint(only)) and names.isdisjoint(without)

    return wanted


def _leading_to_states(graph: Any, outputs: int) -> set[Any]:
    """Nodes whose result goes into a new state: their error would come back with every call."""
    return _reached(_new_states(graph, outputs), lambda node: node.all_input_nodes)


def coming_back(graph: Any, outputs: int) -> set[Any]:
    """Nodes between a state and what becomes of it, where that is computed. A cache that is only shifted is not: eight
    bits of it stay the same eight bits, but those of a sum lose a little more with every call."""
    given = [node for node in graph.nodes if node.op == "placeholder"]
    found: set[Any] = set()
    # The first argument is the input.
    for before, after in zip(given[1:], _new_states(graph, outputs), strict=False):
        between = _reached([before], lambda node: node.users) & _reached([after], lambda node: node.all_input_nodes)
        if any(_short(node) not in _MOVES for node in between if node.op == "call_function"):
            found |= between
    return found


def _new_states(graph: Any, outputs: int) -> list[Any]:
    (last,) = [node for node in graph.nodes if node.op == "output"]
    return [node for node in last.args[0][outputs:] if node is not None]


def _reached(start: Sequence[Any], following: Callable[[Any], Iterable[Any]]) -> set[Any]:
    found: set[Any] = set()
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += following(node)
    return found


def _within(node: Any) -> set[str]:
    """Dotted names of all submodules that a node lies in, the outermost module (no name) left out."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(path).replace("L['self'].", "").replace("L['self']", "") for path, _ in stack.values()]
    return {path for path in paths if path}


def _short(node: Any) -> str:
    return str(node.target).removeprefix("aten.").partition(".")[0]
