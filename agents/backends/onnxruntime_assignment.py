"""Which nodes of the graph each provider was given: a subgraph that one compiles is a single node to the profiler."""

from collections import Counter
from typing import Any, Dict, List, Optional

from agents.backends.onnxruntime_log import Heard
from agents.providers import CPU

# Asks the runtime to remember it; since 1.24, ignored before.
RECORD = "session.record_ep_graph_assignment_info"
_MOST_OPERATORS = 6


def assigned(session: Any) -> Dict[str, int]:
    """Provider -> nodes of the graph after its own fusions; empty where the runtime cannot tell (before 1.24)."""
    counts: Counter[str] = Counter()
    for subgraph in _subgraphs(session):
        counts[subgraph.ep_name] += len(subgraph.get_nodes())
    return dict(counts)


def fallback_reason(session: Any, wanted: str, heard: Heard) -> Optional[str]:
    """What the CPU took instead of ``wanted``, and why where the runtime's log says so; None where it took nothing."""
    if wanted == CPU:
        return None
    taken = Counter(node.op_type for s in _subgraphs(session) if s.ep_name == CPU for node in s.get_nodes())
    reasons = heard.reasons()
    if not taken:
        return None if assigned(session) else "; ".join(reasons) or None
    most = ", ".join(f"{op} x {n}" if n > 1 else op for op, n in taken.most_common(_MOST_OPERATORS))
    more = ", ..." if len(taken) > _MOST_OPERATORS else ""
    what = f"the CPU took {sum(taken.values())} of {sum(assigned(session).values())} nodes ({most}{more})"
    return "; ".join([what, *reasons])


def _subgraphs(session: Any) -> List[Any]:
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    return list(ask()) if ask else []
