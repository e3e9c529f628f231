"""What a runtime must offer to stream a graph chunk by chunk."""

from typing import Any, Callable, Dict, Optional, Protocol, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.failure import Failure


class Backend(Protocol):
    """One loaded graph with its recurrent state. The state stays on the runtime's side between chunks.

    Made by ``Backend(spec, model_path, profile_prefix=None)``, which loads and checks the graph against the contract,
    and raises Failure "model-load", "provider-missing" or "contract-mismatch". Ready after ``first_run``
    and ``bind``.
    """

    runtime_version: str
    runtime_build: Optional[str]
    providers: Tuple[str, ...]
    input: NDArray[Any]
    """The graph's input for one chunk; write into it in place, then call ``step``."""
    outputs: Tuple[NDArray[Any], ...]
    """Outputs of the last step in the contract's order; the next step overwrites them."""
    step: Callable[[], None]
    """Run one chunk and carry the state. Raises one of ``errors``."""
    errors: Tuple[Type[Exception], ...]
    """The runtime's own exceptions."""

    def first_run(self) -> None:
        """Run one chunk of zeros, cold, and learn the outputs' shapes. Raises Failure "inference"."""
        ...

    def bind(self) -> None:
        """Make ``outputs`` and ``step`` ready for the stream."""
        ...

    def reset(self) -> None:
        """Start a new stream: every state becomes its initial value."""
        ...

    def another(self) -> "Backend":
        """The same loaded graph for another stream: an input, outputs and a state of its own, bound and ready.

        A runtime whose loaded graph has one state leaves this out: its streams cannot share one.
        """
        ...

    def states(self) -> Dict[str, NDArray[Any]]:
        """The state tensors by input name, for checks; older and newest buffers alike."""
        ...

    def end_profile(self) -> wire.Profile:
        """Every node that ran since the load, as ``wire.OperatorTime`` (``agents.profile.timed`` adds the shares), and
        why some went elsewhere. Needs ``profile_prefix``. What each provider did is added up from it.
        """
        ...


def check_finite(backend: Backend, names: Tuple[str, ...], chunk: int) -> None:
    """Raises Failure "non-finite-output" that names the first output or state with NaN or infinity."""
    for name, values in list(zip(names, backend.outputs)) + list(backend.states().items()):
        if not np.isfinite(values).all():
            raise Failure(
                "non-finite-output",
                f"{name} holds NaN or infinity at chunk {chunk}: check the export, or leave this recipe out",
            )
