"""What an engine is built from: a zip archive with the ONNX graph, trtexec's arguments and, for int8, the ranges."""

import json
import os
import zipfile
from typing import List, Tuple

GRAPH, COMMAND, RANGES = "model.onnx", "command.json", "calibration.cache"
ENGINE = "model.engine"
_MEMBERS = {GRAPH, COMMAND, RANGES}


def unpack(path: str, folder: str) -> Tuple[str, ...]:
    """Lay the kit's files into ``folder``; trtexec's arguments, to be run in it. Raises ValueError for another file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if not {GRAPH, COMMAND} <= names <= _MEMBERS:
                raise ValueError(f"a kit holds {', '.join(sorted(_MEMBERS))}, this holds {', '.join(sorted(names))}")
            for name in sorted(names):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(archive.read(name))
            return _arguments(json.loads(archive.read(COMMAND)))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is no kit for TensorRT: {error}") from error


def _arguments(command: object) -> Tuple[str, ...]:
    found = command.get("arguments") if isinstance(command, dict) else None
    words: List[str] = [word for word in found if isinstance(word, str)] if isinstance(found, list) else []
    # Only options: the program is the device's own, and nothing here is a shell's to read.
    if not words or not all(word.startswith("--") for word in words):
        raise ValueError(f"{COMMAND} must hold trtexec's arguments, got {command!r}")
    return tuple(words)
