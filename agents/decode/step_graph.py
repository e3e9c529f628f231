"""The second graph of a transducer, as a search asks it."""

from typing import Any, Dict, Protocol

from numpy.typing import NDArray


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
