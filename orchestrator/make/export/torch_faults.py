"""What torch and its exporters say when they fail, cut down to operator, node, source line and what to try."""

import re
from collections.abc import Callable

from orchestrator.errors import ExportFailed

# As torch's two ONNX exporters, litert-torch and ExecuTorch name the operator that they lack.
_OPERATORS = (
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'",
    r"operator '([\w:]+)' to ONNX",
    r"Lowering not found: ([\w.]+?)(?:\.default)?\s",
)
_NODES = (r"translating node %(\w+)", r"While executing %(\w+)")
_LINE = re.compile(r'File "([^"]+)", line (\d+)(?:, in (\w+))?')
_DATA_DEPENDENT = "data-dependent"
# Lines of these say nothing about the model.
_NOT_ITS_OWN = ("site-packages", "dist-packages", "<frozen", "<string>", "<eval")
_LACKING_HINT = (
    "write it with matrix products, convolutions and elementwise operators, or leave the format out; "
    "of ONNX, try exporter=legacy or another opset"
)
_BRANCH_HINT = "a graph cannot branch on values: use torch.where, or compute both"


def torch_fault(exc: BaseException, trace_of: Callable[[str], str] = lambda name: "") -> ExportFailed:
    """``trace_of`` gives the stack trace of a node or operator in the exported program, or nothing."""
    text = "\n".join(_chain(exc))
    operator, node = _first(_OPERATORS, text), _first(_NODES, text)
    name = node or (re.split(r"[.:]", operator)[-1] if operator else None)
    line = _line(text) or (_line(trace_of(name)) if name else None)
    where = "".join((f", node {node}" if node else "", f", at {line}" if line else ""))
    if operator:
        return ExportFailed(f"it lacks the operator {operator.replace('::', '.')}{where}", hint=_LACKING_HINT)
    hint = _BRANCH_HINT if _DATA_DEPENDENT in text else None
    return ExportFailed(f"{type(_root(exc)).__name__}: {_sentence(_root(exc))}{where}", hint=hint)


def _chain(exc: BaseException | None) -> list[str]:
    found = []
    while exc is not None:
        found.append(str(exc))
        exc = exc.__cause__
    return found


def _root(exc: BaseException) -> BaseException:
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return exc


def _first(patterns: tuple[str, ...], text: str) -> str | None:
    found = (re.search(pattern, text) for pattern in patterns)
    return next((match[1] for match in found if match), None)


def own_line(trace: str) -> tuple[str, int, str] | None:
    """(path, line, function) of the innermost code in a stack trace that is the model's own; the function may be
    empty."""
    own = [found for found in _LINE.findall(trace) if not any(part in found[0] for part in _NOT_ITS_OWN)]
    return (own[-1][0], int(own[-1][1]), own[-1][2]) if own else None


def _line(text: str) -> str | None:
    own = own_line(text)
    return f"{own[0]}:{own[1]}" if own else None


def _sentence(exc: BaseException) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"
