"""A .pte file, opened by the runner's library, or by the executorch package where torch is."""

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from agents.backends.executorch_delegates import require_provider
from agents.backends.executorch_signature import Expected, check_tensors
from agents.failure import Failure
from agents.pte_file import MalformedPte, PteProgram, read_pte

RUNNER, PYTHON = "runner", "python"
# By which of the two; where it is not given: the runner where it is there.
THROUGH = "through"
_WAYS = (RUNNER, PYTHON)
Way = Tuple[Any, Callable[[Sequence[Any]], Callable[[], None]]]


@dataclass(frozen=True)
class Loaded:
    """``program`` runs on memory that it is given (``bind``); ``in_turn`` makes a step of such bindings."""

    program: Any
    about: PteProgram
    version: str
    build: str
    in_turn: Callable[[Sequence[Any]], Callable[[], None]]


def api_of(options: Dict[str, str]) -> Way:
    """(the way in, what makes steps). Raises ImportError where neither is here, Failure for an unknown option."""
    for name in options:
        if name != THROUGH:
            raise Failure("model-load", f"unknown session option {name!r} of executorch; known is {THROUGH}")
    wanted = options.get(THROUGH)
    if wanted is not None and wanted not in _WAYS:
        raise Failure("model-load", f"session option {THROUGH} must be one of {', '.join(_WAYS)}, got {wanted!r}")
    reasons: List[str] = []
    for way in [wanted] if wanted else _WAYS:
        try:
            return _native() if way == RUNNER else _python()
        except ImportError as error:
            reasons.append(str(error))
    raise ImportError("; ".join(reasons))


def load(
    path: str,
    provider: str,
    threads: Optional[int],
    options: Dict[str, str],
    tensors: Tuple[List[Expected], List[Expected]],
    profiled: bool = False,
) -> Loaded:
    """Raises Failure "runtime-missing", "provider-missing", "contract-mismatch", "model-load"."""
    try:
        api, in_turn = api_of(options)
    except ImportError as error:
        raise Failure("runtime-missing", f"executorch is not here: {error}") from error
    name = os.path.basename(path)
    try:
        about = read_pte(path)
    except MalformedPte as error:
        raise Failure("model-load", f"{name[:16]}... is no .pte file that can be run: {error}") from error
    require_provider(provider, about.backends, api.registered(about.backends))
    check_tensors(about, *tensors)
    try:
        program = api.open(path, threads, profiled)
    except RuntimeError as error:
        raise Failure(
            "model-load",
            f"executorch {api.version} cannot load {name[:16]}...: {' '.join(str(error).split())[:500]}; "
            "export it again with this version, or leave this recipe out here",
        ) from error
    return Loaded(program, about, api.version, api.build, in_turn)


def _native() -> Way:
    from agents.backends.executorch_native import in_turn, native_api

    return native_api(), in_turn


def _python() -> Way:
    from agents.backends.executorch_python import in_turn, python_api

    return python_api(), in_turn
