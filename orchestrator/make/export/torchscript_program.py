"""A PyTorch module to the bytes of a TorchScript file. Importing this needs torch."""

import difflib
import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from agents.contract import StreamContract
from agents.torchscript_file import NAMES_FILE, contract_names, names_text
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.export.module_signature import main_signature

# What torch.ao quantizes dynamically: each has integer kernels in fbgemm and qnnpack.
_DYNAMIC = (nn.Linear, nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell)
_SOURCE_LINE = re.compile(r'File "([^"]+)", line (\d+)')
_SCRIPT_HINT = "mode=trace takes what Python does to the example; or write that part in TorchScript's Python"


def file_of(module: nn.Module, contract: StreamContract, recipe: Recipe) -> tuple[bytes, tuple[str, ...]]:
    """(the file, what its user must know). Raises BadRecipe for a module that is not there, ExportFailed with torch's
    own words."""
    arrays = main_signature(contract, free=False).inputs.values()
    inputs = [torch.from_numpy(array) for array in arrays]
    with warnings.catch_warnings(record=True) as heard, torch.no_grad():
        warnings.simplefilter("always")
        module = _quantized(module, recipe) if recipe.precision == "int8-dynamic" else module
        compiled = _compiled(module, inputs, recipe)
        if recipe.get("freeze", "no") == "yes":
            compiled = torch.jit.freeze(compiled)
        if recipe.get("mobile", "no") == "yes":
            compiled = _for_mobile(compiled)
        content = _saved(compiled, contract, lite=recipe.get("container", "pt") == "lite")
    # A trace keeps the values that Python saw, and says so.
    baked = dict.fromkeys(_first_line(w.message) for w in heard if issubclass(w.category, torch.jit.TracerWarning))
    return content, tuple(baked)


def _compiled(module: nn.Module, inputs: Sequence[Tensor], recipe: Recipe) -> Any:
    if recipe.get("mode", "trace") == "trace":
        return torch.jit.trace(module, tuple(inputs), check_trace=False)
    try:
        return torch.jit.script(module)
    except Exception as exc:  # the compiler raises errors of many kinds, some of them torch's own
        raise ExportFailed(f"torch.jit.script refuses the module: {_where(exc)}", hint=_SCRIPT_HINT) from exc


def _quantized(module: nn.Module, recipe: Recipe) -> nn.Module:
    # Deprecated since 2.10 and still there: torchao's successor makes no module that can be traced to TorchScript.
    from torch.ao.quantization import default_dynamic_qconfig, quantize_dynamic

    found = {name: type(child) for name, child in module.named_modules() if isinstance(child, _DYNAMIC)}
    kept = recipe.names("exclude_nodes")
    for name in kept:
        if name not in found:
            near = difflib.get_close_matches(name, list(found), n=3, cutoff=0.3) or list(found)[:10]
            raise BadRecipe(
                f"exclude_nodes: the model has no layer {name} that is quantized",
                hint=f"nearest: {', '.join(near) or 'none, it has no such layers'}",
            )
    wanted = {name: default_dynamic_qconfig for name in found if name not in kept}
    if not wanted:
        raise ExportFailed(
            f"{recipe} changes nothing: the module has no {', '.join(kind.__name__ for kind in _DYNAMIC)} to quantize",
            hint="convolutions have no dynamic form in torch; leave this recipe out",
        )
    return quantize_dynamic(module, wanted, dtype=torch.qint8)


def _for_mobile(compiled: Any) -> Any:
    from torch.utils.mobile_optimizer import optimize_for_mobile

    try:
        return optimize_for_mobile(compiled)
    except RuntimeError as exc:
        raise ExportFailed(
            f"optimize_for_mobile refuses: {_first_line(exc)}",
            hint="it needs a build of torch with XNNPACK: use container=lite without mobile=yes",
        ) from exc


def _saved(compiled: Any, contract: StreamContract, *, lite: bool) -> bytes:
    names = {NAMES_FILE: names_text(contract_names(contract))}
    if lite:
        content: bytes = compiled._save_to_buffer_for_lite_interpreter(_extra_files=names)
        return content
    buffer = io.BytesIO()
    torch.jit.save(compiled, buffer, _extra_files=names)
    return buffer.getvalue()


def _where(exc: Exception) -> str:
    """torch's first line, and the line of the user's source that it points to."""
    place = _SOURCE_LINE.search(str(exc))
    at = f" ({place[1]}:{place[2]})" if place else ""
    return _first_line(exc).rstrip(":") + at


def _first_line(said: object) -> str:
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(said).__name__
