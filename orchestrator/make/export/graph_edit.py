"""What every exporter does to a graph before or after its own work."""

import difflib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.quantization.shape_inference import quant_pre_process

from orchestrator.domain.recipe import Recipe, matches
from orchestrator.errors import BadRecipe
from orchestrator.make.models.graph import all_nodes, count_operators, read_proto

LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def named_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with a name for each node that has none (``Conv_3``), so that it can be excluded; changed in place."""
    taken = {n.name for n in all_nodes(model.graph)}
    for i, node in enumerate(model.graph.node):
        if not node.name:
            name = f"{node.op_type}_{i}"
            node.name = name if name not in taken else f"{name}_unnamed"
    return model


def prepared(source: Path, scratch: Path) -> onnx.ModelProto:
    """The source folded and shape-inferred, as onnxruntime's quantizers want it, every node named."""
    named, folded = scratch / "named.onnx", scratch / "folded.onnx"
    onnx.save(named_nodes(read_proto(source)), named)
    # Symbolic shape inference would need sympy, and only transformers gain from it.
    quant_pre_process(named, folded, skip_symbolic_shape=True)
    return unshared(named_nodes(onnx.load(folded)))


def unshared(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with a weight of its own for each Gemm, changed in place: onnxruntime's quantizer turns that of a Gemm
    around where it lies, also for others that read it, such as the embedding of a language model."""
    readers = Counter(name for node in model.graph.node for name in node.input)
    weights = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Gemm" and node.input[1] in weights and readers[node.input[1]] > 1:
            own = model.graph.initializer.add()
            own.CopyFrom(weights[node.input[1]])
            own.name = node.input[1] = f"{node.name}_weight"
    return model


def check_exclusions(recipe: Recipe, source: Path, model: onnx.ModelProto) -> None:
    """Raises BadRecipe for an excluded type or node that neither the source nor the folded ``model`` has."""
    original = named_nodes(read_proto(source))
    types = set(count_operators(original)) | set(count_operators(model))
    names = {n.name for m in (original, model) for n in m.graph.node}
    for option, known, what in (("exclude_types", types, "operator"), ("exclude_nodes", names, "node")):
        for name in recipe.names(option):
            if not any(matches(name, candidate) for candidate in known):
                near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4) or sorted(known)[:10]
                raise BadRecipe(f"{option}: the graph has no {what} {name}", hint=f"nearest: {', '.join(near)}")


def excluded_nodes(recipe: Recipe, model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that the recipe leaves alone, by name or by type."""
    types = set(recipe.names("exclude_types"))
    names = recipe.names("exclude_nodes")
    by_type = {n.name for n in model.graph.node if n.op_type in types}
    return sorted(by_type | {n.name for n in model.graph.node if any(matches(name, n.name) for name in names)})


def recurrent_nodes(model: onnx.ModelProto, states: Collection[str]) -> list[str]:
    """Names of the nodes on the way to any of the outputs ``states``, in the graph's order; of the named graph."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    waiting, found = [name for name in states if name in made_by], set()
    while waiting:
        node = made_by[waiting.pop()]
        if node.name not in found:
            found.add(node.name)
            waiting += [name for name in node.input if name in made_by]
    return [node.name for node in model.graph.node if node.name in found]


def operator_list(model: onnx.ModelProto) -> str:
    """For example ``Conv 15, Relu 14``: the most frequent first, constants left out."""
    counts = {k: v for k, v in count_operators(model).items() if k != "Constant"}
    return ", ".join(f"{k} {v}" for k, v in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))
