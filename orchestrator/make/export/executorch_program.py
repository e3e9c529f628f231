"""A PyTorch module to a .pte program. Importing this needs torch and executorch."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir.passes import MemoryPlanningPass
from torch import Tensor, nn

from agents.contract import StreamContract
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.executorch_backends import partitioner_of
from orchestrator.make.export.executorch_faults import Graphs, explained, require_kernels
from orchestrator.make.export.executorch_quantize import quantized
from orchestrator.make.export.gates import recurrent_left, with_gates
from orchestrator.make.models.stepping import Feeds

# A dimension that may be of any size in a range: (number of the input, its axis, least, most).
Dynamic = tuple[int, int, int, int]


def program_of(
    module: nn.Module,
    inputs: Sequence[Tensor],
    dynamic: Sequence[Dynamic],
    recipe: Recipe,
    feeds: Sequence[Sequence[Tensor]] = (),
    outputs: int = 1,
) -> tuple[bytes, tuple[str, ...]]:
    """(the program, what its user must know).

    ``inputs``: positional, of the greatest size where one is ``dynamic``; ``feeds``: the same for calibration;
    ``outputs``: so many come before the new states. Memory of inputs and outputs is left to who runs it, so that state
    can go round without copies. Raises BadRecipe for names that the module does not have, ExportFailed.
    """
    module = with_gates(module.eval())
    notes = tuple(f"{name} is a recurrent layer of torch's own: it is not quantized" for name in recurrent_left(module))
    before = torch.get_num_threads()
    with _quiet(), explained(recipe) as graphs:
        torch.set_num_threads(1)
        try:
            graphs.made.append(_ready(module, tuple(inputs), dynamic, recipe, feeds, outputs, graphs))
            content = _lowered(graphs.made[-1], recipe, graphs)
        finally:
            torch.set_num_threads(before)
    return content, notes if recipe.precision != "fp32" else ()


def lowered(exported: Any, recipe: Recipe) -> bytes:
    """The program of a graph that was quantized elsewhere, as ``recipe`` would have it. Raises ExportFailed."""
    with _quiet(), explained(recipe) as graphs:
        graphs.made.append(exported)
        return _lowered(exported, recipe, graphs)


def example_inputs(contract: StreamContract) -> tuple[Tensor, ...]:
    """What the module is called with at the start of a stream: the input, states and constants, in order."""
    tensors = [torch.zeros(contract.input.shape, dtype=_dtype(contract.input.dtype))]
    tensors += [torch.full(s.shape, s.initial, dtype=_dtype(s.dtype)) for s in contract.states]
    values = contract.constant_values
    tensors += [torch.full(c.shape, values[c.name], dtype=_dtype(c.dtype)) for c in contract.constants]
    return tuple(tensors)


def names_of(contract: StreamContract) -> tuple[str, ...]:
    """Of the module's arguments, in order."""
    return (contract.input.name, *(s.input for s in contract.states), *(c.name for c in contract.constants))


def in_order(feeds: Feeds, contract: StreamContract) -> tuple[Tensor, ...]:
    """Feeds by name as the module's positional arguments."""
    return tuple(torch.from_numpy(feeds[name].copy()) for name in names_of(contract))


def all_rows(inputs: Sequence[Tensor]) -> tuple[Dynamic, ...]:
    """Axis 0 of every input from one row to as many as there are; nothing where that is one."""
    return tuple((number, 0, 1, len(tensor)) for number, tensor in enumerate(inputs) if len(tensor) > 1)


def _dtype(name: str) -> Any:
    return getattr(torch, name)


def _ready(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    dynamic: Sequence[Dynamic],
    recipe: Recipe,
    feeds: Sequence[Sequence[Tensor]],
    outputs: int,
    graphs: Graphs,
) -> Any:
    """The exported program, quantized where the recipe says so."""
    exported = torch.export.export(module, inputs, dynamic_shapes=_shapes(module, inputs, dynamic), strict=True)
    graphs.made.append(exported)
    if recipe.precision == "fp32":
        return exported
    changed = quantized(exported.module(), inputs, recipe, feeds, outputs)
    return torch.export.export(changed, inputs, dynamic_shapes=_shapes(changed, inputs, dynamic), strict=True)


def _shapes(module: nn.Module, inputs: tuple[Tensor, ...], dynamic: Sequence[Dynamic]) -> Any:
    """Axes that are dynamic alike are one dimension: all hypotheses of a call are as many. In the form of the module's
    signature, as torch wants it."""
    if not dynamic:
        return None
    sizes = {(least, most) for _, _, least, most in dynamic}
    dims = {size: torch.export.Dim(f"d{size[0]}_{size[1]}", min=size[0], max=size[1]) for size in sizes}
    by_input: list[dict[int, Any]] = [{} for _ in inputs]
    for number, axis, least, most in dynamic:
        by_input[number][axis] = dims[least, most]
    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    own = kinds.index(inspect.Parameter.VAR_POSITIONAL) if inspect.Parameter.VAR_POSITIONAL in kinds else len(inputs)
    rest = [tuple(by_input[own:])] if own < len(inputs) else []
    return (*by_input[:own], *rest)


def _lowered(exported: Any, recipe: Recipe, graphs: Graphs) -> bytes:
    edge = to_edge_transform_and_lower(
        exported,
        partitioner=partitioner_of(recipe),
        # Quantized operators are not among core ATen's.
        compile_config=EdgeCompileConfig(_check_ir_validity=recipe.precision == "fp32"),
    )
    planning = MemoryPlanningPass(alloc_graph_input=False, alloc_graph_output=False)
    made = edge.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning))
    plan = made.executorch_program.execution_plan[0]
    require_kernels(((operator.name, operator.overload) for operator in plan.operators), graphs)
    if recipe.get("backend", "xnnpack") != "portable" and not plan.delegates:
        raise ExportFailed(f"{recipe}: the backend takes no operator of this graph", hint="backend=portable runs it")
    return bytes(made.buffer)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Their imports and passes warn of each other."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
