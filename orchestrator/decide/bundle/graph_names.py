"""The names of a graph's inputs and outputs, read from its file."""

from pathlib import Path


def graph_names(path: Path) -> tuple[set[str], set[str]] | str | None:
    """(inputs, outputs); the reason where the file cannot be read; None for a format whose files have no such names."""
    read = {".onnx": _onnx, ".tflite": _litert}.get(path.suffix)
    try:
        return read(path) if read else None
    except Exception as error:  # Each format's parser has errors of its own.
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _onnx(path: Path) -> tuple[set[str], set[str]]:
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return {i.name for i in graph.input}, {o.name for o in graph.output}


def _litert(path: Path) -> tuple[set[str], set[str]]:
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(str(path)).get_signature_list()
    signature = next(iter(signatures.values()))
    return set(signature["inputs"]), set(signature["outputs"])
