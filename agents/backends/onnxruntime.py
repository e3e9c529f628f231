"""ONNX Runtime with the state on its side: two IOBindings whose state buffers are swapped, so no state is copied."""

import copy
import itertools
import os
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agents import providers, wire
from agents.backends.onnxruntime_assignment import assigned, fallback_reason
from agents.backends.onnxruntime_build import build_of_onnxruntime
from agents.backends.onnxruntime_graph import check_contract
from agents.backends.onnxruntime_log import message_of
from agents.backends.onnxruntime_profile import read_profile
from agents.backends.onnxruntime_session import ERRORS, open_session
from agents.failure import Failure


class OnnxRuntimeBackend:
    """See ``base.Backend``. Loads ``.onnx`` and ``.ort`` files."""

    errors: Tuple[Type[Exception], ...] = ERRORS

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        self.runtime_version: str = ort.__version__
        self.runtime_build: Optional[str] = build_of_onnxruntime(spec.provider)
        self._contract = spec.contract
        self._chunk_samples = spec.chunk_samples
        self._provider = spec.provider
        self._session, self._heard = open_session(spec, model_path, profile_prefix)
        self.providers: Tuple[str, ...] = tuple(self._session.get_providers())
        check_contract(self._session, spec.contract, spec.chunk_samples)
        # The state is kept where the provider's memory is.
        self._device = providers.known(self.providers[0]).memory
        contract = spec.contract
        self.input: NDArray[Any] = np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype)
        self.outputs: Tuple[NDArray[Any], ...] = ()
        self._constants = {
            c.name: np.full(c.shape, contract.constant_values[c.name], c.dtype) for c in contract.constants
        }
        self._states: Dict[str, List[Any]] = {}
        self.step: Callable[[], None] = self._not_ready

    def first_run(self) -> None:
        contract = self._contract
        names = [o.name for o in contract.outputs]
        feeds = {contract.input.name: self.input, **self._constants}
        feeds.update({s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states})
        try:
            found = self._session.run(names, feeds)
        except ERRORS as error:
            raise Failure("inference", f"the first inference failed: {message_of(error)}") from error
        self._check_shapes(found)
        self.outputs = tuple(np.zeros_like(values) for values in found)

    def _check_shapes(self, found: List[NDArray[Any]]) -> None:
        if self._chunk_samples != self._contract.chunk_samples:
            return  # The contract states shapes for its own chunk only.
        for spec, values in zip(self._contract.outputs, found):
            if values.shape != spec.shape or str(values.dtype) != spec.dtype:
                raise Failure(
                    "contract-mismatch",
                    f"output {spec.name} is {values.dtype}{list(values.shape)}, the contract says "
                    f"{spec.dtype}{list(spec.shape)}: export the model and its contract again",
                )

    def bind(self) -> None:
        contract = self._contract
        shared = {contract.input.name: self.input, **self._constants}
        inputs = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in shared.items()}
        outputs = {o.name: ort.OrtValue.ortvalue_from_numpy(a) for o, a in zip(contract.outputs, self.outputs)}
        self._states = {
            s.input: [
                ort.OrtValue.ortvalue_from_numpy(np.full(s.shape, s.initial, s.dtype), self._device, 0) for _ in "ab"
            ]
            for s in contract.states
        }
        bindings = [self._binding(inputs, outputs, read) for read in (0, 1)]
        # An iterator's next, because a Python function around the call would cost 0.2 % of a small model.
        self.step = map(self._session.run_with_iobinding, itertools.cycle(bindings)).__next__

    def _binding(self, inputs: Dict[str, Any], outputs: Dict[str, Any], read: int) -> Any:
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in outputs.items():
            binding.bind_ortvalue_output(name, value)
        for state in self._contract.states:
            buffers = self._states[state.input]
            binding.bind_ortvalue_input(state.input, buffers[read])
            binding.bind_ortvalue_output(state.output, buffers[1 - read])
        return binding

    def reset(self) -> None:
        # Both buffers, so that it does not matter which binding runs next.
        for state in self._contract.states:
            for buffer in self._states[state.input]:
                buffer.update_inplace(np.full(state.shape, state.initial, state.dtype))

    def another(self) -> "OnnxRuntimeBackend":
        twin = copy.copy(self)
        twin.input, twin.outputs = np.zeros_like(self.input), tuple(map(np.zeros_like, self.outputs))
        twin.bind()
        return twin

    def states(self) -> Dict[str, NDArray[Any]]:
        return {
            name if n == 0 else f"{name} (second buffer)": buffer.numpy()
            for name, buffers in self._states.items()
            for n, buffer in enumerate(buffers)
        }

    def end_profile(self) -> wire.Profile:
        path = self._session.end_profiling()
        try:
            return wire.Profile(
                read_profile(path),
                fallback_reason(self._session, self._provider, self._heard),
                assigned(self._session),
            )
        finally:
            os.unlink(path)

    def _not_ready(self) -> None:
        raise Failure("internal", "step was called before bind")
