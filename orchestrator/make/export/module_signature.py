"""What a PyTorch module is called with when a graph is made of it: names, example arrays, axes that stay free."""

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import StepContract, StreamContract
from orchestrator.make.models.stepping import constant_feeds, initial_states


@dataclass(frozen=True)
class FreeAxis:
    """Axis ``axis`` of some inputs, whose size is a multiple of ``unit``; called ``symbol`` in the graph."""

    symbol: str
    axis: int
    unit: int


@dataclass(frozen=True, eq=False)
class Signature:
    """``inputs``: an example for each, by name, in the module's order. ``outputs`` and ``states_out``: names of what it
    gives, in its order; ``states_out`` with their shapes, None where they grow with the free axis. ``free``: the axis
    whose size the caller chooses, in ``free_inputs``; None where all shapes are fixed."""

    inputs: dict[str, NDArray[Any]]
    outputs: tuple[str, ...]
    states_out: dict[str, tuple[int, ...] | None]
    free: FreeAxis | None
    free_inputs: tuple[str, ...]

    @property
    def output_names(self) -> tuple[str, ...]:
        return (*self.outputs, *self.states_out)


def main_signature(contract: StreamContract, *, free: bool) -> Signature:
    """Of the main graph. With ``free``, its time axis is, and the example is as long as the longest chunk; else it is
    that of the contract's own chunk."""
    shapes = {size: contract.input_shape(size) for size in contract.allowed_chunk_samples}
    unit = gcd(*(shape[contract.time_axis] for shape in shapes.values()))
    shape = max(shapes.values()) if free else contract.input.shape
    return Signature(
        inputs={
            contract.input.name: np.zeros(shape, dtype=contract.input.dtype),
            **initial_states(contract),
            **constant_feeds(contract),
        },
        outputs=tuple(o.name for o in contract.outputs),
        states_out={s.output: s.shape for s in contract.states},
        free=FreeAxis("frames", contract.time_axis, unit) if free else None,
        free_inputs=(contract.input.name,),
    )


def may_be_free(contract: StreamContract) -> bool:
    """Whether chunks of another length mean anything: not where each holds audio of the one before, or is a window of
    Whisper's."""
    longest = max(contract.allowed_chunk_samples)
    whole = contract.frontend.context_samples > 0 or contract.frontend.kind == "whisper-mel"
    return not whole and contract.input_shape(longest)[contract.time_axis] > 1


def step_signature(step: StepContract) -> Signature:
    """Of a transducer's step graph: the hypotheses are free."""
    # Two at least: exporters take an axis of one for a constant.
    rows = max(2, step.batch)
    inputs = {spec.name: np.zeros((rows, *spec.shape[1:]), dtype=spec.dtype) for spec in (step.token, step.frame)}
    states = {s.input: np.full((rows, *s.shape[1:]), s.initial, dtype=s.dtype) for s in step.states}
    return Signature(
        inputs={**inputs, **states},
        outputs=(step.logits.name,),
        states_out={s.output: None for s in step.states},
        free=FreeAxis("hypotheses", 0, 1),
        free_inputs=(*inputs, *states),
    )
