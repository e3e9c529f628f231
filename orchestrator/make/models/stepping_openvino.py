"""An OpenVINO archive that is stepped like an ONNX session, on the CPU. Needs openvino."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from agents.openvino_file import PRECISION, read_model
from orchestrator.make.models.graph import Port
from orchestrator.make.models.stepping import Feeds


class OpenVinoGraph:
    """A ``RunnableFile``, in the graph's own precision. Raises OpenVINO's own errors."""

    def __init__(self, path: Path) -> None:
        core = openvino.Core()
        exact = {PRECISION: "f32", "INFERENCE_NUM_THREADS": "1", "NUM_STREAMS": "1"}
        self._model = core.compile_model(read_model(core, str(path)), "CPU", exact)
        self._request = self._model.create_infer_request()

    def get_inputs(self) -> Sequence[Port]:
        return tuple(_port(port) for port in self._model.inputs)

    def get_outputs(self) -> Sequence[Port]:
        return tuple(_port(port) for port in self._model.outputs)

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]:
        self._request.infer({name: np.ascontiguousarray(values) for name, values in feeds.items()})
        return [self._request.get_tensor(name).data.copy() for name in output_names]


def _port(port: Any) -> Port:
    return Port(port.get_any_name(), port.get_element_type().to_dtype().__name__, tuple(port.get_shape()))


def open_openvino(path: Path) -> OpenVinoGraph:
    return OpenVinoGraph(path)
