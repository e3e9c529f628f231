"""Which delegate took which nodes, from the list of nodes that the interpreter shows after it was prepared."""

from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple

from agents.wire import OperatorTime

_DELEGATE = "DELEGATE"

# A delegated part as (its node's number, who owns it).
Owned = Tuple[int, str]


def delegate_nodes(nodes: Sequence[Dict[str, Any]]) -> Set[int]:
    """Numbers of the nodes that stand for what a delegate took over."""
    return {node["index"] for node in nodes if node["op_name"] == _DELEGATE or "Delegate" in node["op_name"]}


def operators(
    nodes: Sequence[Dict[str, Any]], owned: Iterable[Owned], rest: str, calls: int
) -> Tuple[OperatorTime, ...]:
    """Every node of the file with who runs it: the owner of the delegated part that it lies in, else ``rest``.

    Untimed: the interpreter's Python has no profiler. ``nodes``: those of ``Interpreter._get_ops_details``.
    """
    own = {node["index"]: node for node in nodes}
    parts = delegate_nodes(nodes)
    provider = {}
    for number, name in owned:
        for member in _members(own[number], [n for i, n in own.items() if i not in parts]):
            provider[member] = name
    return tuple(
        OperatorTime(node["op_name"], f"{node['op_name']}_{i}", provider.get(i, rest), calls)
        for i, node in own.items()
        if i not in parts
    )


def _members(part: Dict[str, Any], nodes: Sequence[Dict[str, Any]]) -> Set[int]:
    """The nodes that a delegated part replaced: all that lead from its inputs to its outputs."""
    maker = {int(tensor): node for node in nodes for tensor in node["outputs"]}
    given = {int(tensor) for tensor in part["inputs"]}
    found: Set[int] = set()
    open_tensors: List[int] = [int(tensor) for tensor in part["outputs"]]
    while open_tensors:
        tensor = open_tensors.pop()
        node = maker.get(tensor)
        if node is None or tensor in given or node["index"] in found:
            continue
        found.add(node["index"])
        open_tensors += [int(source) for source in node["inputs"]]
    return found
