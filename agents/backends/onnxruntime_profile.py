"""Which execution provider ran which node, from ONNX Runtime's own profile (Chrome trace events)."""

import json
from typing import Any, Dict, List, Tuple

from agents import wire


def provider_shares(path: str) -> Tuple[wire.ProviderShare, ...]:
    """Reads a profile file; the shares add up to 1. Empty where no node was recorded."""
    with open(path, encoding="utf-8") as file:
        return parse_profile(json.load(file))


def parse_profile(events: List[Dict[str, Any]]) -> Tuple[wire.ProviderShare, ...]:
    """Only kernel times count: profiling slows runs of microseconds several times, so times are shares, no figures."""
    nodes: Dict[str, set] = {}  # type: ignore[type-arg]
    operators: Dict[str, set] = {}  # type: ignore[type-arg]
    time_us: Dict[str, float] = {}
    for event in events:
        details = event.get("args", {})
        if (
            event.get("cat") != "Node"
            or not event.get("name", "").endswith("_kernel_time")
            or "provider" not in details
        ):
            continue
        provider = details["provider"]
        nodes.setdefault(provider, set()).add(event["name"])
        operators.setdefault(provider, set()).add(details.get("op_name", "?"))
        time_us[provider] = time_us.get(provider, 0.0) + event.get("dur", 0)
    total = sum(time_us.values())
    return tuple(
        wire.ProviderShare(p, len(nodes[p]), time_us[p] / total if total else 0.0, tuple(sorted(operators[p])))
        for p in sorted(nodes)
    )
