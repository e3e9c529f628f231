"""The decoder of a model whose output is not events."""

from typing import Any

from numpy.typing import NDArray

from agents.decode.result import Decoded


class NoDecoder:
    """Hears nothing."""

    ended = False

    def push(self, outputs: NDArray[Any]) -> None:
        pass

    def finish(self) -> Decoded:
        return {"kind": "none", "events": [], "label": None, "text": None, "posteriors": None}

    def reset(self) -> None:
        pass
