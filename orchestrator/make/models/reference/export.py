"""Weights to ONNX and contract: ``python -m orchestrator.make.models.reference.export`` (needs the ``train`` extra).

The TorchScript exporter is used on purpose: it keeps nn.LSTM as one LSTM operator, which ONNX Runtime's dynamic
quantization knows; the dynamo exporter does not.
"""

import json
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.strict_json import to_json
from orchestrator.make.models.reference import REFERENCE_MODELS, WITH_GRAPHS, modules
from orchestrator.make.models.reference.digits_lstm import model as digits
from orchestrator.make.models.reference.kws import words
from orchestrator.make.models.reference.kws.model import KeywordSpotter
from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ

OPSET = 17
FRONTEND = Frontend("log-mel")
CHUNK_SAMPLES = 320
CHUNK_FRAMES = CHUNK_SAMPLES // FRONTEND.hop_samples


def kws_contract(module: KeywordSpotter) -> StreamContract:
    """Logits of 12 classes every 10 ms; the caches of the convolutions are the state."""
    return StreamContract(
        model="kws",
        sample_rate_hz=SAMPLE_RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(160, 320, 640, 1280),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, CHUNK_FRAMES, FRONTEND.mel_count)),
        states=tuple(
            StatePair(f"cache{i}_in", f"cache{i}_out", shape) for i, shape in enumerate(module.cache_shapes())
        ),
        outputs=(TensorSpec("logits", (1, CHUNK_FRAMES, len(words.LABELS))),),
        decoder=Decoder(
            "keyword",
            labels=words.LABELS,
            ignored=("unknown", "silence"),
            smooth_frames=16,
            threshold=0.3,
            refractory_frames=60,
        ),
    )


def digits_contract() -> StreamContract:
    """Logits of blank and ten digits every 20 ms; (h, c) of both layers are the state."""
    state = (digits.LAYERS, 1, digits.HIDDEN)
    return StreamContract(
        model="digits-lstm",
        sample_rate_hz=SAMPLE_RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(320, 640, 1280),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, CHUNK_FRAMES, FRONTEND.mel_count)),
        states=(StatePair("h_in", "h_out", state), StatePair("c_in", "c_out", state)),
        outputs=(TensorSpec("logits", (1, CHUNK_FRAMES // digits.STACK, len(digits.LABELS))),),
        decoder=Decoder("ctc", labels=digits.LABELS, blank=digits.BLANK),
    )


def load(name: str) -> tuple[nn.Module, StreamContract]:
    """A reference model with its committed weights, in evaluation mode, and its contract."""
    module = modules.load(name)
    return module, kws_contract(module) if isinstance(module, KeywordSpotter) else digits_contract()


def initial_state(contract: StreamContract) -> list[Tensor]:
    """State at the start of a stream, in the order of the contract."""
    return [torch.full(s.shape, s.initial) for s in contract.states]


def export(module: nn.Module, contract: StreamContract, folder: Path) -> None:
    """Write model.onnx (fp32, the time axis dynamic) and contract.json into ``folder``."""
    path = folder / "model.onnx"
    arguments = (torch.zeros(contract.input.shape), *initial_state(contract))
    outputs = [o.name for o in contract.outputs]
    with warnings.catch_warnings():
        # The exporter warns of itself being the old one, and of LSTM with a batch size other than 1.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            arguments,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[contract.input.name, *(s.input for s in contract.states)],
            output_names=[*outputs, *(s.output for s in contract.states)],
            dynamic_axes={contract.input.name: {1: "frames"}, outputs[0]: {1: "steps"}},
        )
    graph = onnx.load(path)
    _fix_state_shapes(graph, contract)
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)
    (folder / "contract.json").write_text(json.dumps(to_json(contract), indent=2) + "\n")


def _fix_state_shapes(graph: onnx.ModelProto, contract: StreamContract) -> None:
    """State leaves with the shape that it came in with; the exporter, with T free, cannot see that."""
    shapes = {s.output: s.shape for s in contract.states}
    for output in graph.graph.output:
        if output.name in shapes:
            dims = output.type.tensor_type.shape.dim
            for dim, size in zip(dims, shapes[output.name], strict=True):
                dim.dim_value = size


if __name__ == "__main__":
    for model_name in WITH_GRAPHS:
        export(*load(model_name), REFERENCE_MODELS[model_name])
