"""OpenVINO on its own intermediate representation: two requests whose state buffers are swapped, so none is copied."""

import itertools
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import numpy as np
import openvino
from numpy.typing import NDArray

from agents import wire
from agents.backends.openvino_model import ERRORS, compiled, message_of
from agents.backends.openvino_profile import OperatorTimes
from agents.failure import Failure
from agents.openvino_file import PRECISION


class OpenVinoBackend:
    """See ``base.Backend``. Loads ``.openvino.zip`` files: model.xml and model.bin in one archive."""

    errors: Tuple[Type[Exception], ...] = ERRORS

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        self.runtime_version: str = openvino.__version__
        self._contract = spec.contract
        self._profile = None if profile_prefix is None else OperatorTimes(spec.provider)
        self._model = compiled(spec, model_path, profiled=profile_prefix is not None)
        self.runtime_build: Optional[str] = f"openvino {openvino.__version__}: computes in {_precision(self._model)}"
        self.providers: Tuple[str, ...] = tuple(self._model.get_property("EXECUTION_DEVICES"))
        self._make_arrays(spec.chunk_samples)
        self.step: Callable[[], None] = self._not_ready

    def _make_arrays(self, chunk_samples: int) -> None:
        contract = self._contract
        self.input: NDArray[Any] = np.zeros(contract.input_shape(chunk_samples), contract.input.dtype)
        self.outputs: Tuple[NDArray[Any], ...] = tuple(np.zeros(o.shape, o.dtype) for o in contract.outputs)
        self._constants = {
            c.name: np.full(c.shape, contract.constant_values[c.name], c.dtype) for c in contract.constants
        }
        self._states: Dict[str, List[NDArray[Any]]] = {
            s.input: [np.full(s.shape, s.initial, s.dtype) for _ in "ab"] for s in contract.states
        }

    def first_run(self) -> None:
        try:
            self._request(0).infer(share_outputs=True)
        except ERRORS as error:
            raise Failure("inference", f"the first inference failed: {message_of(error)}") from error
        self.reset()

    def _request(self, read: int) -> Any:
        """An inference that reads the states' buffers ``read`` and writes the others; all in our own memory."""
        request = self._model.create_infer_request()
        inputs = {self._contract.input.name: self.input, **self._constants}
        outputs = {o.name: values for o, values in zip(self._contract.outputs, self.outputs)}
        for state in self._contract.states:
            buffers = self._states[state.input]
            inputs[state.input], outputs[state.output] = buffers[read], buffers[1 - read]
        for name, values in (*inputs.items(), *outputs.items()):
            request.set_tensor(name, openvino.Tensor(values, shared_memory=True))
        return request

    def bind(self) -> None:
        requests = [self._request(read) for read in (0, 1)]
        if self._profile is not None:
            self.step = map(self._profile.listened, itertools.cycle(requests)).__next__
            return
        self.step = map(_infer, itertools.cycle(requests)).__next__

    def reset(self) -> None:
        # Both buffers, so that it does not matter which request runs next.
        for state in self._contract.states:
            for buffer in self._states[state.input]:
                buffer.fill(state.initial)

    def another(self) -> "OpenVinoBackend":
        twin = object.__new__(OpenVinoBackend)
        twin.__dict__.update(self.__dict__)
        chunk = self.input.shape
        twin.input, twin.outputs = np.zeros(chunk, self.input.dtype), tuple(map(np.zeros_like, self.outputs))
        twin._states = {name: [np.zeros_like(b) for b in buffers] for name, buffers in self._states.items()}
        twin.reset()
        twin.bind()
        return twin

    def states(self) -> Dict[str, NDArray[Any]]:
        return {
            name if n == 0 else f"{name} (second buffer)": buffer
            for name, buffers in self._states.items()
            for n, buffer in enumerate(buffers)
        }

    def end_profile(self) -> wire.Profile:
        if self._profile is None:
            raise Failure("internal", "end_profile needs a profile prefix")
        return self._profile.end()

    def _not_ready(self) -> None:
        raise Failure("internal", "step was called before bind")


def _infer(request: Any) -> None:
    request.infer(share_outputs=True)


def _precision(model: Any) -> str:
    """The precision that the device really computes in: less than the graph's where it was told to."""
    try:
        return str(model.get_property(PRECISION).get_type_name())
    except ERRORS:
        return "its device's own precision"
