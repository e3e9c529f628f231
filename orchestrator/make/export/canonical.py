"""One form for a graph that onnxruntime optimized: it names new nodes and tensors, and orders weights, by address."""

import onnx


def canonical(optimized: onnx.ModelProto, original: onnx.ModelProto) -> onnx.ModelProto:
    """``optimized`` with names of its own for all that ``original`` did not have, numbered in the order of the nodes,
    and its weights sorted by name. Changed in place. Graphs with subgraphs only have their weights sorted."""
    graph = optimized.graph
    if not any(a.HasField("g") for n in graph.node for a in n.attribute):
        _rename_nodes(graph, {n.name for n in original.graph.node})
        _rename_tensors(graph, _tensor_names(original.graph))
    weights = sorted(graph.initializer, key=lambda i: i.name)
    del graph.initializer[:]
    graph.initializer.extend(weights)
    infos = sorted(graph.value_info, key=lambda v: v.name)
    del graph.value_info[:]
    graph.value_info.extend(infos)
    return optimized


def _tensor_names(graph: onnx.GraphProto) -> set[str]:
    names = {v.name for v in (*graph.input, *graph.output)} | {i.name for i in graph.initializer}
    return names | {name for node in graph.node for name in (*node.input, *node.output)}


def _rename_nodes(graph: onnx.GraphProto, known: set[str]) -> None:
    for position, node in enumerate(graph.node):
        if node.name not in known:
            node.name = f"{node.op_type}.{position}"


def _rename_tensors(graph: onnx.GraphProto, known: set[str]) -> None:
    new: dict[str, str] = {}
    for position, node in enumerate(graph.node):
        for names, side in ((node.input, "in"), (node.output, "out")):
            for k, name in enumerate(names):
                if name and name not in known:
                    new.setdefault(name, f"{node.op_type}.{position}.{side}{k}")
                names[k] = new.get(name, name)
    for tensor in (*graph.initializer, *graph.value_info):
        tensor.name = new.get(tensor.name, tensor.name)
