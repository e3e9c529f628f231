"""The second graph of a transducer in ONNX Runtime: an IOBinding for each number of hypotheses, over one memory."""

from typing import Any, Dict, Tuple

import onnxruntime as ort
from numpy.typing import NDArray

from agents import wire
from agents.backends.onnxruntime_graph import check_step
from agents.backends.onnxruntime_log import message_of
from agents.backends.onnxruntime_options import session_options
from agents.backends.onnxruntime_session import ERRORS
from agents.contract import StepContract
from agents.decode.step_graph import StepMemory
from agents.failure import Failure
from agents.providers import CPU


class OnnxRuntimeStep(StepMemory):
    """See ``decode.step_graph.StepGraph``. On the CPU on one thread, whatever the encoder runs on: a graph of some ten
    microseconds costs less than the way to another processor and back."""

    def __init__(self, spec: wire.RunSpec, path: str) -> None:
        search = spec.contract.search
        assert search is not None
        try:
            self._session: Any = ort.InferenceSession(path, session_options(1, {}), providers=[CPU])
        except ERRORS as error:
            said = message_of(error)
            raise Failure("model-load", f"onnxruntime {ort.__version__} cannot load the step graph: {said}") from error
        check_step(self._session, search)
        super().__init__(search)
        inputs, outputs = self._named(search)
        self._bindings = [self._binding(inputs, outputs, count) for count in range(1, self.batch + 1)]

    def run(self, count: int) -> None:
        self._session.run_with_iobinding(self._bindings[count - 1])

    def _binding(self, inputs: Dict[str, NDArray[Any]], outputs: Dict[str, NDArray[Any]], count: int) -> Any:
        # The first rows of an array are its first bytes: each binding sees a part of the same memory.
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array[:count]))
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array[:count]))
        return binding

    def _named(self, search: StepContract) -> Tuple[Dict[str, NDArray[Any]], Dict[str, NDArray[Any]]]:
        inputs = {search.token.name: self.tokens, search.frame.name: self.frames, **self.states_in}
        written = {s.output: self.states_out[s.input] for s in search.states}
        return inputs, {search.logits.name: self.logits, **written}
