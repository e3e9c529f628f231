"""Operators of a TorchScript graph and their times, from torch's own profiler (Kineto)."""

from typing import Any, Optional

import torch

from agents import wire
from agents.backends.torchscript_load import CPU
from agents.profile import timed

# The event around the graph: what of its time is in no operator is the interpreter's.
_WHOLE = "forward"
_INTERPRETER = "interpreter"


class Profiler:
    """Listens from ``start`` to ``end``; ``count`` once for each step."""

    def __init__(self) -> None:
        self._steps = 0
        self._listening: Optional[Any] = None

    def start(self) -> None:
        self._listening = torch.autograd.profiler.profile(use_kineto=True, record_shapes=True)
        self._listening.__enter__()

    def count(self) -> None:
        self._steps += 1

    def end(self) -> wire.Profile:
        """One entry for each operator and shape of its inputs; times are the operator's own, without those it calls."""
        if self._listening is None:
            return wire.Profile()
        listening, self._listening = self._listening, None
        listening.__exit__(None, None, None)
        events = listening.key_averages(group_by_input_shape=True)
        return wire.Profile(timed([_operator(event) for event in events if event.count > 0]))


def _operator(event: Any) -> wire.OperatorTime:
    op = _INTERPRETER if event.key == _WHOLE else event.key
    shapes = " ".join("x".join(map(str, shape)) for shape in event.input_shapes or () if shape)
    node = f"{op} ({shapes})" if shapes and op != _INTERPRETER else op
    return wire.OperatorTime(op, node, CPU, event.count, max(0.0, float(event.self_cpu_time_total)), 0.0)
