"""What each node of a compiled OpenVINO graph took, added up over the inferences."""

from typing import Any, Dict, List, Tuple

from agents import wire
from agents.profile import timed

_EXECUTED = "EXECUTED"


class OperatorTimes:
    """Asks a request after each of its inferences. ``device``: who ran the nodes."""

    def __init__(self, device: str) -> None:
        self._device = device
        # (op, node) -> [calls, time in us]
        self._found: Dict[Tuple[str, str], List[float]] = {}

    def listened(self, request: Any) -> None:
        request.infer(share_outputs=True)
        for node in request.get_profiling_info():
            if node.status.name != _EXECUTED:
                continue
            # The kernel says what it really computes in: jit_avx512_i8, ref_any_f32.
            seen = self._found.setdefault((node.node_type, f"{node.node_name} [{node.exec_type}]"), [0, 0.0])
            seen[0] += 1
            seen[1] += node.real_time.total_seconds() * 1e6

    def end(self) -> wire.Profile:
        return wire.Profile(
            timed(
                [
                    wire.OperatorTime(op, node, self._device, int(calls), time_us, 0.0)
                    for (op, node), (calls, time_us) in self._found.items()
                ]
            )
        )
