"""Native benchmark tools, for devices with no Python: brought by the user, run there, their output read here.

A tool's module has ``arguments(model, threads, runs) -> list[str]`` and ``parse(stdout, stderr) -> ClosedLoop``, which
raises ValueError where the output is not the tool's.
"""

import importlib
from typing import Protocol, cast

from orchestrator.domain.native import TOOLS, ClosedLoop


class Tool(Protocol):
    """What each of the modules here offers."""

    def arguments(self, model: str, threads: int, runs: int) -> list[str]:
        """The command line after the program, for ``runs`` timed inferences of ``model`` (a path there)."""
        ...

    def parse(self, stdout: str, stderr: str) -> ClosedLoop:
        """Raises ValueError that says what is missing."""
        ...


def tool(name: str) -> Tool:
    """Raises KeyError for a name that is not among ``TOOLS``."""
    if name not in TOOLS:
        raise KeyError(name)
    return cast(Tool, importlib.import_module(f"orchestrator.measure.native.{name}"))
