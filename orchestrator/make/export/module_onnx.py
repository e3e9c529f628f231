"""ONNX from a PyTorch module. Importing this needs torch and onnxscript.

The dynamo exporter first, the TorchScript one where that fails: it knows fewer modules, and keeps nn.LSTM as one
operator. What they make is run beside the module before it is believed: a loop that was unrolled for the example's
length, or a branch that was taken once, shows there and nowhere else.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from orchestrator.errors import ExportFailed
from orchestrator.make.export.module_signature import Signature
from orchestrator.make.export.torch_faults import torch_fault
from orchestrator.make.models.stepping import Feeds, open_session

# The newest that the exporter writes without converting, as far as onnxruntime's quantizers follow.
OPSETS = {"dynamo": 20, "legacy": 17}
# Only whether it computes the same thing at all; the proof of parity is stricter.
_NEAR = 1e-3


@dataclass(frozen=True)
class ModuleOnnx:
    """A graph and how it was made."""

    model: onnx.ModelProto
    how: str


def module_onnx(module: Any, signature: Signature, exporter: str | None, opset: int | None) -> ModuleOnnx:
    """``exporter`` None: dynamo, else legacy. Raises ExportFailed with the operator, node and line where that is
    known."""
    shapes = _output_shapes(module, signature)
    failed: list[str] = []
    for name in (exporter,) if exporter else tuple(OPSETS):
        version = opset or OPSETS[name]
        try:
            model = _checked(_cleaned(_made(module, signature, name, version), signature, shapes), module, signature)
        except ExportFailed as exc:
            fault = exc
            failed.append(f"{name} cannot: {exc.message}")
            continue
        because = f", because {failed[0]}" if failed else ""
        return ModuleOnnx(model, f"ONNX from the PyTorch module by the {name} exporter, opset {version}{because}")
    raise ExportFailed(f"torch makes no ONNX graph of the module: {'; '.join(failed)}", hint=fault.hint)


def _made(module: Any, signature: Signature, exporter: str, opset: int) -> onnx.ModelProto:
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return (_dynamo if exporter == "dynamo" else _legacy)(module, signature, opset)
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise torch_fault(exc, lambda name: _trace(module, signature, name)) from exc


def _program(module: Any, signature: Signature) -> Any:
    return torch.export.export(_Flat(module), tensors(signature), dynamic_shapes={"given": _dynamic(signature)})


def _dynamo(module: Any, signature: Signature, opset: int) -> onnx.ModelProto:
    made: Any = torch.onnx.export(
        _program(module, signature),
        dynamo=True,
        opset_version=opset,
        input_names=list(signature.inputs),
        output_names=list(signature.output_names),
        external_data=False,
        verbose=False,
    )
    model: onnx.ModelProto = made.model_proto
    return model


def _legacy(module: Any, signature: Signature, opset: int) -> onnx.ModelProto:
    file = io.BytesIO()
    free = signature.free
    torch.onnx.export(
        module,
        tensors(signature),
        file,
        dynamo=False,
        opset_version=opset,
        input_names=list(signature.inputs),
        output_names=list(signature.output_names),
        dynamic_axes={name: {free.axis: free.symbol} for name in signature.free_inputs} if free else {},
    )
    return onnx.load_from_string(file.getvalue())


class _Flat(nn.Module):  # type: ignore[misc]
    """Any module, with one way to say which of its inputs' axes are free."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, *given: Tensor) -> Any:
        return self.module(*given)


def tensors(signature: Signature, units: int | None = None) -> tuple[Tensor, ...]:
    """The example, with ``units`` of the free axis where they are given."""
    return tuple(torch.from_numpy(array) for array in _sized(signature, units).values())


def _sized(signature: Signature, units: int | None) -> Feeds:
    free = signature.free
    if free is None or units is None:
        return {name: array.copy() for name, array in signature.inputs.items()}
    sized = {}
    for name, array in signature.inputs.items():
        first = array.take([0], axis=free.axis) if name in signature.free_inputs else array
        sized[name] = np.repeat(first, units * free.unit, free.axis) if name in signature.free_inputs else array.copy()
    return sized


def _dynamic(signature: Signature) -> tuple[dict[int, Any] | None, ...]:
    free = signature.free
    if free is None:
        return (None,) * len(signature.inputs)
    size = torch.export.Dim(free.symbol, min=1)
    size = free.unit * size if free.unit > 1 else size
    return tuple({free.axis: size} if name in signature.free_inputs else None for name in signature.inputs)


def _trace(module: Any, signature: Signature, name: str) -> str:
    """Where a node or operator comes from, nothing where that cannot be told. An exporter breaks the program down
    further than torch does by itself, into nodes that end in the name of their operator (bessel_i0)."""
    try:
        program = _program(module, signature)
        graphs = (program.graph, program.run_decompositions().graph)
    except Exception:  # a module that cannot be exported at all
        return ""
    nodes = [n for graph in graphs for n in graph.nodes if n.op == "call_function"]
    named = [n for n in nodes if n.name == name] or [n for n in nodes if name.endswith(n.target.__name__.split(".")[0])]
    return str(named[0].meta.get("stack_trace", "")) if named else ""


def _cleaned(model: onnx.ModelProto, signature: Signature, shapes: dict[str, list[int | None]]) -> onnx.ModelProto:
    """Without notes of the exporter (stack traces with paths of this machine), and with true shapes at its borders.

    Shapes between nodes go: onnxruntime's quantizer believes those of the dynamo exporter, which it renames.
    """
    del model.graph.value_info[:]
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for output in model.graph.output:
        dims = output.type.tensor_type.shape.dim
        del dims[:]
        for axis, size in enumerate(shapes[output.name]):
            dims.add(**({"dim_param": f"{output.name}_{axis}"} if size is None else {"dim_value": size}))
    free = signature.free
    for given in model.graph.input:
        if free is not None and given.name in signature.free_inputs:
            given.type.tensor_type.shape.dim[free.axis].dim_param = free.symbol
    return model


def _output_shapes(module: Any, signature: Signature) -> dict[str, list[int | None]]:
    """Sizes of each output's axes; None for one that grows."""
    runs = [[tuple(t.shape) for t in _eager(module, tensors(signature, units))] for units in _lengths(signature)]
    shapes: dict[str, list[int | None]] = {}
    for name, *found in zip(signature.output_names, *runs, strict=True):
        shapes[name] = [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*found, strict=True)]
    return shapes


def _lengths(signature: Signature) -> tuple[int | None, ...]:
    """The example's own, one longer and the shortest."""
    return (None,) if signature.free is None else (None, 7, 1)


def _checked(model: onnx.ModelProto, module: Any, signature: Signature) -> onnx.ModelProto:
    """Raises ExportFailed where the graph does not compute what the module does, at some length."""
    try:
        session = open_session(model.SerializeToString())
    except Exception as exc:  # onnxruntime's errors share no base class of their own
        raise ExportFailed(f"onnxruntime cannot load the graph: {str(exc).strip().splitlines()[0][:200]}") from exc
    rng = np.random.default_rng(0)
    known = {port.name for port in session.get_inputs()}
    if known != set(signature.inputs):
        raise ExportFailed(f"the graph ignores {', '.join(sorted(set(signature.inputs) - known))}")
    for units in _lengths(signature):
        feeds = {name: _noise(rng, array) for name, array in _sized(signature, units).items()}
        size = feeds[signature.free_inputs[0]].shape
        try:
            got = session.run(list(signature.output_names), feeds)
        except Exception as exc:
            raise ExportFailed(f"the graph does not run on {size}: {str(exc).strip().splitlines()[0][:200]}") from exc
        truth = _eager(module, tuple(torch.from_numpy(array) for array in feeds.values()))
        for name, mine, theirs in zip(signature.output_names, got, truth, strict=True):
            wanted = theirs.numpy()
            if mine.shape != wanted.shape or not np.allclose(mine, wanted, rtol=_NEAR, atol=_NEAR):
                raise ExportFailed(f"the graph gives another {name} than the module on an input of {size}")
    return model


def _noise(rng: np.random.Generator, like: NDArray[Any]) -> NDArray[Any]:
    """Real values where the input is real; of the others (tokens, positions, sizes) the example's."""
    return rng.standard_normal(like.shape).astype(like.dtype) if like.dtype.kind == "f" else like


def _eager(module: Any, given: tuple[Tensor, ...]) -> list[Tensor]:
    with torch.no_grad():
        try:
            made = module(*given)
        except Exception as exc:  # a user's code may raise anything
            shape = tuple(given[0].shape)
            raise ExportFailed(
                f"the module does not run on {shape}: {type(exc).__name__}: {str(exc).strip()[:200]}",
                hint="its contract's allowed_chunk_samples say which lengths it must take",
            ) from exc
    return list(made) if isinstance(made, (tuple, list)) else [made]
