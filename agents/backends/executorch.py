"""ExecuTorch with the state outside: two sets of pointers whose state buffers are swapped, so no state is copied."""

import copy
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.backends.executorch_delegates import providers
from agents.backends.executorch_load import api_of, load
from agents.backends.executorch_signature import stream_tensors
from agents.backends.executorch_times import assigned, operators
from agents.failure import Failure

# Fails where neither of the two ways is here; loading torch where it must be is part of the import.
api_of({})

_ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError)


class ExecuTorchBackend:
    """See ``base.Backend``. Loads ``.pte`` files.

    A program that keeps memory of its own for inputs and outputs (the exporter's default elsewhere) has them copied.
    """

    errors: Tuple[Type[Exception], ...] = _ERRORS

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        contract = self._contract = spec.contract
        tensors = stream_tensors(contract, spec.chunk_samples)
        profiled = profile_prefix is not None
        self._loaded = load(model_path, spec.provider, spec.threads, spec.session_options, tensors, profiled)
        self._profiled = profiled
        about = self._loaded.about
        self.runtime_version: str = self._loaded.version
        self.runtime_build: Optional[str] = self._loaded.build
        self.providers: Tuple[str, ...] = providers(spec.provider, about.backends, about.operators)
        self.input: NDArray[Any] = np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype)
        self.outputs: Tuple[NDArray[Any], ...] = tuple(np.zeros(o.shape, o.dtype) for o in contract.outputs)
        self._states: List[Tuple[NDArray[Any], NDArray[Any]]] = []
        self._bindings: List[Any] = []
        self.step: Callable[[], None] = self._not_ready

    def first_run(self) -> None:
        self.input.fill(0)
        self._allocate()
        try:
            self.step()
        except _ERRORS as error:
            raise Failure("inference", f"the first inference failed: {' '.join(str(error).split())[:500]}") from error

    def bind(self) -> None:
        self._allocate()
        if self._profiled:
            self._loaded.program.listen()

    def _allocate(self) -> None:
        contract = self._contract
        values = contract.constant_values
        constants = [np.full(c.shape, values[c.name], c.dtype) for c in contract.constants]
        first, second = ([np.full(s.shape, s.initial, s.dtype) for s in contract.states] for _ in "ab")
        self._states = list(zip(first, second))
        outputs = list(self.outputs)
        # Kept here: a step knows only where they are.
        self._bindings = [
            self._loaded.program.bind([self.input, *read, *constants], [*outputs, *written])
            for read, written in ((first, second), (second, first))
        ]
        self.step = self._loaded.in_turn(self._bindings)

    def reset(self) -> None:
        # Both buffers, so that it does not matter which binding runs next.
        for state, buffers in zip(self._contract.states, self._states):
            for buffer in buffers:
                buffer.fill(state.initial)

    def another(self) -> "ExecuTorchBackend":
        twin = copy.copy(self)
        twin.input, twin.outputs = np.zeros_like(self.input), tuple(map(np.zeros_like, self.outputs))
        twin.bind()
        return twin

    def states(self) -> Dict[str, NDArray[Any]]:
        return {
            state.input if n == 0 else f"{state.input} (second buffer)": buffer
            for state, buffers in zip(self._contract.states, self._states)
            for n, buffer in enumerate(buffers)
        }

    def end_profile(self) -> wire.Profile:
        about = self._loaded.about
        return wire.Profile(operators(self._loaded.program.times(), about), None, dict(assigned(about)))

    def _not_ready(self) -> None:
        raise Failure("internal", "step was called before bind")
