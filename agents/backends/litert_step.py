"""The second graph of a transducer in LiteRT, whose shapes are fixed: every call computes the whole batch."""

from typing import Any, Dict

from numpy.typing import NDArray

from agents import wire
from agents.backends.litert import load_interpreter, message_of, view_of
from agents.backends.litert_options import XNNPACK
from agents.backends.litert_signature import Signature, check_step
from agents.failure import Failure


class LiteRtStep:
    """See ``decode.step_graph.StepGraph``. By XNNPACK on one thread, whatever the encoder runs on."""

    def __init__(self, spec: wire.RunSpec, path: str) -> None:
        search = spec.contract.search
        assert search is not None
        self._interpreter = load_interpreter(path, XNNPACK, 1, {}, "the step graph")
        signature = check_step(self._interpreter, search)
        inputs, outputs = self._views(signature)
        self.batch = search.batch
        self.tokens: NDArray[Any] = inputs[search.token.name]
        self.frames: NDArray[Any] = inputs[search.frame.name]
        self.states_in: Dict[str, NDArray[Any]] = {s.input: inputs[s.input] for s in search.states}
        self.logits: NDArray[Any] = outputs[search.logits.name]
        self.states_out: Dict[str, NDArray[Any]] = {s.input: outputs[s.output] for s in search.states}

    def _views(self, signature: Signature) -> Any:
        # Memory comes as it was left: a token out of it may be none of the labels.
        for number in signature.inputs.values():
            view_of(self._interpreter, number).fill(0)
        try:
            # Memory may be placed anew by the first run.
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise Failure("inference", f"the step graph's first run failed: {message_of(error)}") from error
        sides = (signature.inputs, signature.outputs)
        return tuple({name: view_of(self._interpreter, n) for name, n in side.items()} for side in sides)

    def run(self, count: int) -> None:
        self._interpreter.invoke()
