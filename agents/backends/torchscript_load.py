"""A TorchScript file loaded by torch, or by the lite interpreter that phones have, and the options of a session."""

import warnings
from typing import Any, Callable, Dict, Tuple, Type

import torch

from agents import wire
from agents.failure import Failure
from agents.torchscript_file import LITE_SUFFIX

CPU = "CPU"
ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError, IndexError, NotImplementedError)
_SWITCH = {"0": False, "1": True, "false": False, "true": True}
OPTIONS = ("optimize_for_inference", "quantized_engine", "flush_denormal")

Run = Callable[..., Any]


def load(path: str, blob: wire.Blob, provider: str, threads: int, given: Dict[str, str]) -> Run:
    """What runs the graph: tensors in, a tensor or a tuple of them out.

    Threads and options are the process's, as torch has them. Raises Failure "provider-missing" and "model-load".
    """
    if provider != CPU:
        raise Failure("provider-missing", f"torchscript runs on the provider {CPU} here, got {provider!r}")
    _check(given)
    # Of this thread: nothing here trains.
    torch.set_grad_enabled(False)
    torch.set_num_threads(threads)
    try:
        _apply(given)
        with warnings.catch_warnings():
            # That TorchScript is deprecated, with every call.
            warnings.simplefilter("ignore")
            return _loaded(path, blob.suffix, given)
    except ERRORS as error:
        raise Failure(
            "model-load",
            f"torch {torch.__version__} cannot load {blob.file_name[:16]}...{blob.suffix}: {message_of(error)}; "
            "export it again, or leave this recipe out here",
        ) from error


def _loaded(path: str, suffix: str, given: Dict[str, str]) -> Run:
    optimized = _switch("optimize_for_inference", given)
    if suffix == LITE_SUFFIX:
        from torch.jit.mobile import _load_for_lite_interpreter

        if optimized:
            raise ValueError("optimize_for_inference is not for the lite interpreter, whose files are finished")
        lite: Run = _load_for_lite_interpreter(path)
        return lite
    module = torch.jit.load(path, map_location="cpu").eval()
    if optimized:
        # It freezes first, which an already frozen module does not need and does not take.
        frozen = module if not hasattr(module, "training") else torch.jit.freeze(module)
        module = torch.jit.optimize_for_inference(frozen)
    loaded: Run = module
    return loaded


def _check(given: Dict[str, str]) -> None:
    for name in given:
        if name not in OPTIONS:
            raise Failure(
                "model-load", f"unknown session option {name!r} of torchscript; known are {', '.join(OPTIONS)}"
            )
    for name in ("optimize_for_inference", "flush_denormal"):
        _switch(name, given)


def _switch(name: str, given: Dict[str, str]) -> bool:
    text = given.get(name, "0")
    if text not in _SWITCH:
        raise Failure("model-load", f"session option {name} must be one of {', '.join(_SWITCH)}, got {text!r}")
    return _SWITCH[text]


def _apply(given: Dict[str, str]) -> None:
    if "flush_denormal" in given:
        torch.set_flush_denormal(_switch("flush_denormal", given))
    engine = given.get("quantized_engine")
    if engine is not None:
        supported = torch.backends.quantized.supported_engines
        if engine not in supported:
            raise ValueError(f"quantized_engine must be one of {', '.join(supported)} here, got {engine!r}")
        torch.backends.quantized.engine = engine


def message_of(error: BaseException) -> str:
    """The first lines of torch's message, without its own call stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "Exception raised from" not in line]
    return " ".join(lines[:6])[:500] or type(error).__name__
