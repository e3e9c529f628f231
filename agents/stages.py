"""What one chunk passes through: audio in chunks, front end, graph and decoder bound together."""

from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.backends.base import Backend, check_finite
from agents.decode import make_decoder
from agents.decode.step_graph import Search
from agents.features import FrontEnd, make_frontend


class LoopedAudio:
    """Chunks of a recording that starts anew where it ends, without a seam in the chunk grid.

    Whole chunks never reach over the end; else the beginning is laid behind the end, in a copy.
    """

    def __init__(self, samples: NDArray[np.int16], chunk_samples: int) -> None:
        self.length = len(samples)
        self.chunk_samples = chunk_samples
        seamless = self.length % chunk_samples == 0
        self.extended = samples if seamless else np.concatenate([samples, np.resize(samples, chunk_samples)])

    def chunk(self, number: int) -> NDArray[np.int16]:
        start = number * self.chunk_samples % self.length
        return self.extended[start : start + self.chunk_samples]


@dataclass
class Stages:
    """What one chunk passes through: ``push(samples, target)``, ``step()``, ``decode()`` of the first output.

    ``decode`` is None where the contract names no decoder. ``check`` raises Failure where an output or state is not
    finite. ``progress`` is that of ``agents.links``. ``reset`` starts a new stream, ``finish`` ends one and
    returns its events.
    """

    push: Callable[[NDArray[Any], NDArray[Any]], Any]
    target: NDArray[Any]
    step: Callable[[], None]
    decode: Optional[Callable[[], None]]
    check: Callable[[int], None]
    reset: Callable[[], None]
    finish: Callable[[], Any]
    progress: Any


def make_stages(spec: wire.RunSpec, backend: Backend, progress: Any, search: Optional[Search] = None) -> Stages:
    """Bind front end, graph and decoder. An input that is not float32 is written through a float32 buffer and cast.

    ``search``: the second graph of a transducer, and the session's other files.
    """
    contract = spec.contract
    frontend = make_frontend(contract)
    decoder = make_decoder(contract.decoder, with_phase(search, frontend))
    target = backend.input
    staging = target if target.dtype == np.float32 else np.zeros(target.shape, np.float32)
    names = tuple(o.name for o in contract.outputs)

    def push_and_cast(samples: NDArray[Any], staging: NDArray[Any]) -> None:
        frontend.push_into(samples, staging)
        np.copyto(target, staging, casting="unsafe")

    def decode() -> None:
        decoder.push(backend.outputs[0])

    def decode_words() -> None:
        decoder.push(backend.outputs[0])
        if decoder.ended:
            backend.reset()
            frontend.reset()

    decoders = {"none": None, "trie": decode_words}

    def reset() -> None:
        backend.reset()
        frontend.reset()
        decoder.reset()

    return Stages(
        push=frontend.push_into if staging is target else push_and_cast,
        target=staging,
        step=backend.step,
        decode=decoders.get(contract.decoder.kind, decode),
        check=lambda chunk: check_finite(backend, names, chunk),
        reset=reset,
        finish=decoder.finish,
        progress=progress,
    )


def with_phase(search: Optional[Search], frontend: FrontEnd) -> Optional[Search]:
    """``search`` with what a front end for touch knows."""
    touch: Any = frontend
    return replace(search, phase_of=lambda: touch.phase) if search and hasattr(touch, "phase") else search
