"""Session options of ONNX Runtime from the words of a RunSpec."""

from typing import Any, Callable, Dict, Optional, Tuple

import onnxruntime as ort

from agents.failure import Failure
from agents.providers import PREFIX

_LEVELS = {
    "disable": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
_MODES = {"sequential": ort.ExecutionMode.ORT_SEQUENTIAL, "parallel": ort.ExecutionMode.ORT_PARALLEL}
_SWITCH = {"0": False, "1": True, "false": False, "true": True}
_ERRORS_ONLY = 3
# Whether open dimensions are fixed to the stream's; where it is not given, as the provider needs it.
DIMENSIONS = "free_dimensions"


def _choose(name: str, text: str, values: Dict[str, Any]) -> Any:
    if text not in values:
        raise Failure("model-load", f"session option {name} must be one of {', '.join(values)}, got {text!r}")
    return values[text]


def _level(options: Any, text: str) -> None:
    options.graph_optimization_level = _choose("graph_optimization_level", text, _LEVELS)


def _mode(options: Any, text: str) -> None:
    options.execution_mode = _choose("execution_mode", text, _MODES)


def _arena(options: Any, text: str) -> None:
    options.enable_cpu_mem_arena = _choose("enable_cpu_mem_arena", text, _SWITCH)


def _pattern(options: Any, text: str) -> None:
    options.enable_mem_pattern = _choose("enable_mem_pattern", text, _SWITCH)


def _spinning(options: Any, text: str) -> None:
    value = "1" if _choose("allow_spinning", text, _SWITCH) else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", value)


OPTIONS: Dict[str, Callable[[Any, str], None]] = {
    "graph_optimization_level": _level,
    "execution_mode": _mode,
    "enable_cpu_mem_arena": _arena,
    "enable_mem_pattern": _pattern,
    "allow_spinning": _spinning,
}


def own_options(given: Dict[str, str]) -> Tuple[Dict[str, str], Optional[bool]]:
    """(the session's own options, whether open dimensions are fixed). None: as the provider needs it."""
    own = {name: text for name, text in given.items() if not name.startswith(PREFIX) and name != DIMENSIONS}
    if DIMENSIONS not in given:
        return own, None
    return own, _choose(DIMENSIONS, given[DIMENSIONS], {"fixed": True, "open": False})


def session_options(threads: int, given: Dict[str, str]) -> Any:
    """``ort.SessionOptions`` with ``threads`` intra-op threads. ``session.*`` words are passed on as config entries.

    Raises Failure "model-load" that names an unknown option or value.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    for name, text in given.items():
        if name in OPTIONS:
            OPTIONS[name](options, text)
        elif name.startswith("session."):
            options.add_session_config_entry(name, text)
        else:
            known = ", ".join((*OPTIONS, DIMENSIONS, "session.*", PREFIX + "*"))
            raise Failure("model-load", f"unknown session option {name!r} of onnxruntime; known are {known}")
    return options
