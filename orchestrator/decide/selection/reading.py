"""Objective and constraints from all that a command line names: a preset, a file, flags."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.olive import read_olive
from orchestrator.decide.selection.preset import read_preset
from orchestrator.decide.selection.request import Request, read_flags, read_request


def read_selection(
    flags: Mapping[str, object], path: Path | None = None, preset: str | None = None
) -> tuple[Objective, Constraints]:
    """Flags (``read_flags``) win over the file, that over the preset. A file in JSON is Olive's. Raises BadInput."""
    below = Request() if preset is None else read_preset(preset)
    if path is not None:
        below = (read_olive(path) if path.suffix == ".json" else read_request(path)).over(below)
    return read_flags(flags).over(below).selection()
