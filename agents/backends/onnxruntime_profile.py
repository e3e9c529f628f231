"""Which node ran where and for how long, from ONNX Runtime's own profile (Chrome trace events)."""

import json
from typing import Any, Dict, List, Tuple

from agents.profile import timed
from agents.wire import OperatorTime

_KERNEL = "_kernel_time"
COMPILED = "compiled subgraph"


def read_profile(path: str) -> Tuple[OperatorTime, ...]:
    """Of a profile file. Empty where no node was recorded."""
    with open(path, encoding="utf-8") as file:
        return parse_profile(json.load(file))


def parse_profile(events: List[Dict[str, Any]]) -> Tuple[OperatorTime, ...]:
    """Only kernel times count; what lies between two kernels belongs to no node."""
    calls: Dict[Tuple[str, str, str], int] = {}
    time_us: Dict[Tuple[str, str, str], float] = {}
    for event in events:
        details, name = event.get("args", {}), event.get("name", "")
        if event.get("cat") != "Node" or not name.endswith(_KERNEL) or "provider" not in details:
            continue
        key = _key(name[: -len(_KERNEL)], details.get("op_name", "?"), details["provider"])
        calls[key] = calls.get(key, 0) + 1
        time_us[key] = time_us.get(key, 0.0) + event.get("dur", 0)
    return timed([OperatorTime(*key, calls[key], time_us[key], 0.0) for key in calls])


def _key(node: str, op: str, provider: str) -> Tuple[str, str, str]:
    """(op, node, provider). What a provider compiled is named after it, and its op after nothing in the graph."""
    compiled = node.startswith(f"{provider}_{op}_")
    return (COMPILED, node[len(provider) + 1 :], provider) if compiled else (op, node, provider)
