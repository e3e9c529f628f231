"""A user's PyTorch model as a folder with model.toml, streamed as the keyword spotter is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.make.models import reference


def add_module_folder(
    folder: Path,
    code: str,
    *,
    module: str = "net.py:build",
    files: Sequence[str] = ("weights.bin",),
    lessons: str | None = None,
) -> Path:
    folder.mkdir(parents=True)
    (folder / "net.py").write_text(code)
    (folder / "weights.bin").write_bytes(b"weights")
    contract = json.loads((reference.REFERENCE_MODELS["kws"] / "contract.json").read_text())
    del contract["model"]
    told: dict[str, Any] = {"name": "own", "module": module, "files": list(files), "lessons": lessons}
    told["contract"] = contract
    (folder / "model.toml").write_text(
        "".join(f"{name} = {_toml(value)}\n" for name, value in told.items() if value is not None)
    )
    return folder


def _toml(value: Any) -> str:
    """JSON's values are TOML's, but for what is absent and for tables within one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(it)}" for name, it in value.items() if it is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
