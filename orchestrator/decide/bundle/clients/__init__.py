"""Client code that a bundle carries: the files beside this one, as they are."""

import shutil
from pathlib import Path

from agents.contract import StreamContract

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


# What the clients compute; with anything else they would hear something else than what was measured.
_FRONTENDS, _DECODERS = ("log-mel", "pcm"), ("none", "keyword", "ctc")


def write_clients(place: Path, suffix: str, contract: StreamContract) -> None:
    """Into the new folder ``place``, those that can load an artifact with this suffix and stream it by ``contract``;
    where none can, a README that says so."""
    place.mkdir()
    kinds = (("front end", contract.frontend.kind, _FRONTENDS), ("decoder", contract.decoder.kind, _DECODERS))
    missing = [f"{what} {kind}" for what, kind, known in kinds if kind not in known]
    if missing:
        text = f"No client here has the {' and the '.join(missing)} of {contract.model}: agents/ of Earshot has it.\n"
        (place / "README.md").write_text(text)
        return
    shutil.copyfile(_HERE / "README.md", place / "README.md")
    for language, patterns in _CLIENTS.get(suffix, {}).items():
        (place / language).mkdir()
        for file in sorted(f for pattern in patterns for f in (_HERE / language).glob(pattern)):
            shutil.copyfile(file, place / language / file.name)
