"""Client code that a bundle carries: the files beside this one, as they are."""

import shutil
from pathlib import Path

_HERE = Path(__file__).parent
# Suffix of the artifact -> folder -> patterns of its files.
_COMMON_KOTLIN = ("Contract.kt", "Frontend.kt", "Decoder.kt", "Stream.kt")
_CLIENTS: dict[str, dict[str, tuple[str, ...]]] = {
    ".onnx": {
        "python": ("earshot_stream.py",),
        "typescript": ("*.ts", "*.json"),
        "kotlin": (*_COMMON_KOTLIN, "OnnxRuntimeGraph.kt"),
        "swift": ("*.swift",),
    },
    ".tflite": {"python": ("earshot_stream.py",), "kotlin": (*_COMMON_KOTLIN, "LiteRtGraph.kt")},
    ".pte": {"kotlin": (*_COMMON_KOTLIN, "ExecuTorchGraph.kt")},
}


def write_clients(place: Path, suffix: str) -> None:
    """Into the new folder ``place``, those that can load an artifact with this suffix."""
    place.mkdir()
    shutil.copyfile(_HERE / "README.md", place / "README.md")
    for language, patterns in _CLIENTS.get(suffix, {}).items():
        (place / language).mkdir()
        for file in sorted(f for pattern in patterns for f in (_HERE / language).glob(pattern)):
            shutil.copyfile(file, place / language / file.name)
