"""Where the wheel's files lie, and how they are streamed. Imports neither torch nor the wheel's own code."""

import hashlib
import importlib.util
from pathlib import Path

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from orchestrator.errors import BadInput
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource

NAME = "silero-vad"
# The graph for 16 kHz alone, with the shapes of one stream. Its weights are those of the JIT archive; those of
# silero_vad_half.onnx and of the safetensors file are others.
_GRAPH, _JIT = "silero_vad_openvino_16k.onnx", "silero_vad.jit"
_INSTALL = "pip install --no-deps silero-vad (its own dependencies are for its own code, which is not used)"
_RATE_HZ, _CHUNK, _CONTEXT, _UNITS = 16_000, 512, 64, 128
# What the wheel's own get_speech_timestamps takes by default: 0.5, 0.15 below it, and 100 ms.
_DECODER = Decoder("vad", labels=("speech", "silence"), threshold=0.5, release=0.35, refractory_frames=3)


def is_installed() -> bool:
    return importlib.util.find_spec("silero_vad") is not None


def data_folder() -> Path:
    """Where the wheel keeps its models. Raises BadInput where it is not installed."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise BadInput(f"{NAME} comes from the wheel silero-vad, which is not installed", hint=_INSTALL)
    return Path(spec.origin).parent / "data"


def contract() -> StreamContract:
    """Chunks of 32 ms behind 4 ms of context; state is h and c of the LSTM."""
    return StreamContract(
        model=NAME,
        sample_rate_hz=_RATE_HZ,
        chunk_samples=_CHUNK,
        allowed_chunk_samples=(_CHUNK,),
        frontend=Frontend("pcm", context_samples=_CONTEXT),
        input=TensorSpec("input", (1, _CONTEXT + _CHUNK)),
        states=(StatePair("state", "stateN", (2, 1, _UNITS)),),
        outputs=(TensorSpec("output", (1, 1)),),
        decoder=_DECODER,
    )


def source() -> ModelSource:
    """Raises BadInput where the wheel is not installed."""
    graph, jit = data_folder() / _GRAPH, data_folder() / _JIT
    return ModelSource(
        name=NAME,
        contract=contract(),
        onnx_path=graph,
        sha256=hashlib.sha256(graph.read_bytes()).hexdigest(),
        manifest_path=Path(__file__).parent / "manifest.jsonl",
        module=ModuleRef(f"{__package__}.model:load", (str(jit),), (jit, Path(__file__).parent / "model.py")),
    )
