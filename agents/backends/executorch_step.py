"""The second graph of a transducer in ExecuTorch: a call has as many rows as there are hypotheses."""

from agents import wire
from agents.backends.executorch_delegates import PORTABLE, XNNPACK
from agents.backends.executorch_load import load
from agents.backends.executorch_signature import step_tensors
from agents.decode.step_graph import StepMemory
from agents.pte_file import MalformedPte, read_pte


class ExecuTorchStep(StepMemory):
    """See ``decode.step_graph.StepGraph``. On the encoder's threads, by XNNPACK or, where it was exported so, portable
    kernels. A program of fixed shapes computes the whole batch."""

    def __init__(self, spec: wire.RunSpec, path: str) -> None:
        search = spec.contract.search
        assert search is not None
        loaded = load(path, _provider(path), None, spec.session_options, step_tensors(search))
        super().__init__(search)
        inputs = [self.frames, *(self.states_in[s.input] for s in search.states), self.tokens]
        outputs = [self.logits, *(self.states_out[s.input] for s in search.states)]
        self._binding = loaded.program.bind(inputs, outputs)
        self._fixed = not any(tensor.dynamic for tensor in loaded.about.inputs)

    def run(self, count: int) -> None:
        self._binding.run(0 if self._fixed else count)


def _provider(path: str) -> str:
    try:
        return XNNPACK if read_pte(path).backends else PORTABLE
    except MalformedPte:
        return XNNPACK  # Loading it says what is wrong.
