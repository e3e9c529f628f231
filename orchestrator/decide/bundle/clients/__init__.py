"""Client code that a bundle carries: the files beside this one, as they are."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from agents.contract import StreamContract

_HERE = Path(__file__).parent
# Suffix of the artifact -> folder -> patterns of its files.
_PYTHON = ("earshot_stream/*.py",)
# All of Kotlin's but the graphs of the other runtimes.
_KOTLIN = ("[!ELO]*.kt", "Lexicon.kt")
_CLIENTS: dict[str, dict[str, tuple[str, ...]]] = {
    ".onnx": {
        "python": _PYTHON,
        "typescript": ("*.ts", "*.json"),
        "kotlin": (*_KOTLIN, "OnnxRuntimeGraph.kt"),
        "swift": ("*.swift",),
    },
    ".tflite": {"python": _PYTHON, "kotlin": (*_KOTLIN, "LiteRtGraph.kt")},
    ".pte": {"kotlin": (*_KOTLIN, "ExecuTorchGraph.kt")},
}


# What the clients compute; with anything else they would hear something else than what was measured.
_FRONTENDS = ("log-mel", "pcm", "touch", "tokens")
_DECODERS = ("none", "keyword", "ctc", "vad", "rnnt", "trie")


def write_clients(place: Path, suffixes: Iterable[str], contract: StreamContract) -> None:
    """Into the new folder ``place``, those that can load an artifact with one of these suffixes and stream it by
    ``contract``; where none can, a README that says so."""
    place.mkdir()
    kinds = (("front end", contract.frontend.kind, _FRONTENDS), ("decoder", contract.decoder.kind, _DECODERS))
    missing = [f"{what} {kind}" for what, kind, known in kinds if kind not in known]
    if missing:
        text = f"No client here has the {' and the '.join(missing)} of {contract.model}: agents/ of Earshot has it.\n"
        (place / "README.md").write_text(text)
        return
    shutil.copyfile(_HERE / "README.md", place / "README.md")
    for suffix in suffixes:
        for language, patterns in _CLIENTS.get(suffix, {}).items():
            for file in (f for pattern in patterns for f in (_HERE / language).glob(pattern)):
                target = place / file.relative_to(_HERE)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
