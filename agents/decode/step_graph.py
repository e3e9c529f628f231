"""The second graph of a transducer, as a search asks it."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional, Protocol, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.contract import StepContract


class StepGraph(Protocol):
    """Prediction net and joint, for several hypotheses in one call. It keeps nothing between calls: a search writes all
    inputs, so that streams served in turn can share one.

    Made by ``Step(spec, path)``, which loads and checks the file against ``spec.contract.search`` and raises Failure
    "model-load" or "contract-mismatch". Axis 0 of every array is the hypotheses, ``batch`` of them.
    """

    batch: int
    tokens: NDArray[Any]
    """(batch,): the symbol before; write into it."""
    frames: NDArray[Any]
    """(batch, D): the encoder's frame of each; write into it."""
    states_in: Dict[str, NDArray[Any]]
    """State input -> (batch, ...); write into them."""
    logits: NDArray[Any]
    """(batch, labels), of the last call."""
    states_out: Dict[str, NDArray[Any]]
    """State INPUT -> what it becomes, (batch, ...), of the last call."""

    def run(self, count: int) -> None:
        """Compute the first ``count`` rows; those behind are undefined afterwards. Raises the runtime's own errors."""
        ...


class StepMemory:
    """The arrays of a ``StepGraph``, zeros at first, for a runtime that computes in memory which is given to it."""

    def __init__(self, search: StepContract) -> None:
        def zeros(shape: Sequence[int], dtype: str) -> NDArray[Any]:
            return np.zeros((search.batch, *shape[1:]), dtype)

        self.batch = search.batch
        self.tokens = zeros(search.token.shape, search.token.dtype)
        self.frames = zeros(search.frame.shape, search.frame.dtype)
        self.states_in = {s.input: zeros(s.shape, s.dtype) for s in search.states}
        self.logits = zeros(search.logits.shape, search.logits.dtype)
        self.states_out = {s.input: zeros(s.shape, s.dtype) for s in search.states}


@dataclass(frozen=True)
class Search:
    """What a searching decoder works with. ``files``: the session's parts by name (wire.PARTS). ``phase_of``: of a
    front end that knows when an input begins and ends (agents/touch.py)."""

    step: StepGraph
    contract: StepContract
    files: Dict[str, str] = field(default_factory=dict)
    phase_of: Optional[Callable[[], str]] = None
