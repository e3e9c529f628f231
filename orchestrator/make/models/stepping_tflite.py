"""A .tflite file that is stepped like an ONNX session."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.make.models.graph import Port
from orchestrator.make.models.stepping import Feeds
from orchestrator.make.models.tflite import open_interpreter, ports_of


class TfliteGraph:
    """A ``RunnableFile``. Raises BadModel for what LiteRT cannot load; ``delegated`` and ``reference`` say by which
    kernels it is run (``tflite.open_interpreter``)."""

    def __init__(self, path: Path, *, delegated: bool = False, reference: bool = False) -> None:
        self._interpreter = open_interpreter(path, delegated=delegated, reference=reference)
        self._inputs, self._outputs = ports_of(self._interpreter, path)

    def get_inputs(self) -> Sequence[Port]:
        return tuple(self._inputs)

    def get_outputs(self) -> Sequence[Port]:
        return tuple(self._outputs)

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        inputs = {port.name: number for port, number in self._inputs.items()}
        outputs = {port.name: number for port, number in self._outputs.items()}
        for name, values in feeds.items():
            self._interpreter.set_tensor(inputs[name], values)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(outputs[name]) for name in output_names]


def open_tflite(path: Path) -> TfliteGraph:
    """As a device runs it: by XNNPACK."""
    return TfliteGraph(path, delegated=True)
