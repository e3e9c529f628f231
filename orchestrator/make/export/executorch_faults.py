"""What torch and executorch say when they cannot make a program, with the operator and the line of the model's code."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import EarshotError, ExportFailed
from orchestrator.make.export.torch_faults import own_line

_OPERATOR = re.compile(r"\baten(?:::|\.)[a-z0-9_]+(?:\.[a-zA-Z0-9_]+)?")
_HINT = (
    "write it with operators that executorch has (docs/how-to/executorch.md says which and how), "
    "or use a recipe of another format"
)


class Graphs:
    """The graphs that were made so far: where an operator's name is found in one, torch noted the line it is from."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def line_of(self, operator: str) -> str:
        """`` (file.py:12, in forward)``; empty where nothing is known."""
        name = _plain(operator)
        for program in self.made:
            for node in program.graph.nodes:
                if node.op == "call_function" and _plain(str(node.target)) == name:
                    return source_line(str(node.meta.get("stack_trace") or ""))
        return ""


@contextlib.contextmanager
def explained(recipe: Recipe) -> Iterator[Graphs]:
    """Whatever torch or executorch raises becomes ExportFailed with the operator and the source line, where known."""
    graphs = Graphs()
    try:
        yield graphs
    except (EarshotError, MemoryError):
        raise
    except Exception as exc:  # their exceptions share no root
        text = str(exc)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        first = (lines[0] if lines else type(exc).__name__)[:300]
        found = _OPERATOR.search(text)
        operator = f" at {found[0]}" if found and found[0] not in first else ""
        where = (graphs.line_of(found[0]) if found else "") or source_line(text)
        raise ExportFailed(f"{recipe} failed{operator}{where}: {first}", hint=_HINT) from exc


def require_kernels(operators: Iterator[tuple[str, str]], graphs: Graphs) -> None:
    """``operators``: (aten::name, overload) that the program leaves to ExecuTorch's own kernels.

    Raises ExportFailed for the first that has none, with its source line.
    """
    # They are registered when it is imported.
    import executorch.kernels.quantized  # noqa: F401
    from executorch.extension.pybindings import portable_lib

    kernels = set(portable_lib._get_operator_names())
    for name, overload in operators:
        if f"{name}.{overload}" not in kernels and name not in kernels:
            line = graphs.line_of(name)
            raise ExportFailed(f"ExecuTorch has no kernel for {name}{line}, and the backend left it", hint=_HINT)


def source_line(trace: str) -> str:
    """The model's own line, as `` (file.py:12, in forward)``; empty where there is none."""
    own = own_line(trace)
    return f" ({own[0].rpartition('/')[2]}:{own[1]}, in {own[2]})" if own else ""


def _plain(operator: str) -> str:
    """The operator's name alone: of ``aten::squeeze.dims``, ``aten.squeeze.dims``, ``<EdgeOpOverload: aten...``."""
    found = _OPERATOR.search(operator)
    if found is None:
        return operator
    name = found[0].replace("::", ".").split(".")[1]
    return name.removesuffix("_copy")
