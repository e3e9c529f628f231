"""A PyTorch module to an ML Program. Importing this needs torch and coremltools."""

import re
import warnings
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.optimize import coreml as optimize
from torch import Tensor, nn

from agents.contract import StreamContract
from agents.torchscript_file import contract_names
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.gates import with_gates
from orchestrator.make.export.module_signature import main_signature

STATES, IN_CORE_ML = "states", "coreml"
_TARGETS = {"ios15": ct.target.iOS15, "ios16": ct.target.iOS16, "ios17": ct.target.iOS17, "ios18": ct.target.iOS18}
# ML Programs take these at their border, and int64 as int32.
_TYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "int64": np.int32}
# Smaller weights cost more in their tables than they save: coremltools' own default is 2048 elements.
_FEWEST_ELEMENTS = 512
# As coremltools 9 names a node of an exported program that it has no conversion of.
_LACKING = re.compile(r"Unsupported fx node (\w+), kind ([\w.:]+)")
_LINE = re.compile(r'File "([^"]+)", line (\d+)')


class Stateful(nn.Module):  # type: ignore[misc]
    """``module`` with its states as buffers that it writes itself: what Core ML keeps between predictions."""

    def __init__(self, module: nn.Module, states: list[Tensor], outputs: int) -> None:
        super().__init__()
        self.module, self.names, self.count = module, [state_name(n) for n in range(len(states))], outputs
        for name, state in zip(self.names, states, strict=True):
            self.register_buffer(name, state.clone())

    def forward(self, x: Tensor, *constants: Tensor) -> Any:
        found = self.module(x, *(getattr(self, name) for name in self.names), *constants)
        for name, new in zip(self.names, found[self.count :], strict=True):
            getattr(self, name).copy_(new)
        outputs = found[: self.count]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


def state_name(number: int) -> str:
    """A buffer's name, which is the state's in the program: tensor names may hold what a buffer's may not."""
    return f"state_{number}"


def program_of(module: nn.Module, contract: StreamContract, recipe: Recipe) -> Any:
    """An ``MLModel``. Raises ExportFailed with the operator that coremltools does not know."""
    arrays = main_signature(contract, free=False).inputs
    tensors = [torch.from_numpy(array) for array in arrays.values()]
    inside = recipe.get(STATES, "io") == IN_CORE_ML
    module = with_gates(module)
    if inside:
        count = len(contract.states)
        module = Stateful(module, tensors[1 : 1 + count], len(contract.outputs)).eval()
        tensors = [tensors[0], *tensors[1 + count :]]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        # Not traced: coremltools 9 takes int() of arrays of one element then, which numpy 2.4 refuses.
        exported = torch.export.export(module, tuple(tensors), strict=False).run_decompositions({})
        made = _converted(exported, contract, recipe, inside)
        return _compressed(made, recipe)


def _converted(exported: Any, contract: StreamContract, recipe: Recipe, inside: bool) -> Any:
    names_in, names_out = contract_names(contract)
    shapes = main_signature(contract, free=False).inputs
    state_names = {s.input for s in contract.states}
    inputs = [
        ct.TensorType(n, shapes[n].shape, dtype=_type(n, str(shapes[n].dtype)))
        for n in names_in
        if not (inside and n in state_names)
    ]
    outputs = [ct.TensorType(n, dtype=np.float32) for n in names_out[: len(contract.outputs) if inside else None]]
    states = [
        ct.StateType(ct.TensorType(shape=s.shape, dtype=np.float16), name=state_name(n))
        for n, s in enumerate(contract.states)
    ]
    precision = ct.precision.FLOAT32 if recipe.precision == "fp32" else ct.precision.FLOAT16
    target = recipe.get("target", "ios18" if inside else "ios17")
    try:
        return ct.convert(
            exported,
            inputs=inputs,
            outputs=outputs,
            **({"states": states} if inside else {}),
            convert_to="mlprogram",
            compute_precision=precision,
            minimum_deployment_target=_TARGETS[target],
            skip_model_load=True,
        )
    except Exception as exc:  # coremltools raises errors of many kinds
        raise ExportFailed(
            f"coremltools cannot convert the module: {_reason(exc, exported)}", hint=_hint(inside)
        ) from exc


def _compressed(made: Any, recipe: Recipe) -> Any:
    if recipe.precision == "palettized":
        bits = int(recipe.get("bits", "8"))
        config = optimize.OpPalettizerConfig(mode="kmeans", nbits=bits, weight_threshold=_FEWEST_ELEMENTS)
        return optimize.palettize_weights(made, optimize.OptimizationConfig(global_config=config))
    if recipe.precision == "int8-weight":
        linear = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=_FEWEST_ELEMENTS)
        return optimize.linear_quantize_weights(made, optimize.OptimizationConfig(global_config=linear))
    return made


def _type(name: str, dtype: str) -> Any:
    if dtype not in _TYPES:
        raise ExportFailed(f"input {name} is {dtype}, which an ML Program does not take", hint="make it float or int")
    return _TYPES[dtype]


def _reason(exc: Exception, exported: Any) -> str:
    text = str(exc).strip()
    first = text.splitlines()[0][:300] if text else type(exc).__name__
    found = _LACKING.search(text)
    if found is None:
        return first
    node = next((n for n in exported.graph.nodes if n.name == found[1]), None)
    lines = _LINE.findall(str(node.meta.get("stack_trace") or "")) if node is not None else []
    where = f", at {lines[-1][0]}:{lines[-1][1]}" if lines else ""
    return f"it lacks the operator {found[2]}, node {found[1]}{where}"


def _hint(inside: bool) -> str:
    return (
        "try states=io"
        if inside
        else "write that part with operators that Core ML has; docs/how-to/platform-formats.md"
    )
