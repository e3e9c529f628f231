"""A transducer's step graph by TorchScript."""

import torch

from agents import wire
from agents.backends.torchscript_load import ERRORS, load, message_of
from agents.decode.step_graph import StepMemory
from agents.failure import Failure
from agents.torchscript_file import check_names


class TorchScriptStep(StepMemory):
    """See ``decode.step_graph.StepGraph``. The inputs' arrays are the tensors' own memory."""

    def __init__(self, spec: wire.RunSpec, path: str) -> None:
        step = spec.contract.search
        assert step is not None
        given = (step.token.name, step.frame.name, *(s.input for s in step.states))
        made = (step.logits.name, *(s.output for s in step.states))
        inputs, outputs = check_names(path, (given, made), in_order=False)
        self._run = load(path, spec.parts[wire.STEP], spec.provider, spec.threads, spec.session_options)
        super().__init__(step)
        read = {step.token.name: self.tokens, step.frame.name: self.frames, **self.states_in}
        written = {step.logits.name: self.logits, **{s.output: self.states_out[s.input] for s in step.states}}
        self._inputs = [torch.from_numpy(read[name]) for name in inputs]
        self._outputs = [written[name] for name in outputs]
        self._try_out()

    def _try_out(self) -> None:
        try:
            self.run(self.batch)
            self.run(1)
        except ERRORS as error:
            raise Failure("contract-mismatch", f"the step graph does not run: {message_of(error)}") from error

    def run(self, count: int) -> None:
        found = self._run(*[tensor[:count] for tensor in self._inputs])
        for array, tensor in zip(self._outputs, found):
            array[:count] = tensor.numpy()
