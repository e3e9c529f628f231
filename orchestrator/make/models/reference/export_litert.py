"""Weights to .tflite: ``python -m orchestrator.make.models.reference.export_litert`` (needs the ``export`` extra).

The same module, weights and contract as the ONNX export. Converting twice gives the same bytes.
"""

from pathlib import Path

from orchestrator.make.export.module_litert import module_litert
from orchestrator.make.export.module_signature import main_signature
from orchestrator.make.models.reference import WITH_GRAPHS, tflite_path
from orchestrator.make.models.reference.export import load


def converted(name: str) -> bytes:
    """The .tflite file of a reference model, in fp32, for chunks of the contract's own size."""
    module, contract = load(name)
    return module_litert(module, main_signature(contract, free=False))


def export(name: str, path: Path) -> None:
    path.write_bytes(converted(name))


if __name__ == "__main__":
    for model_name in WITH_GRAPHS:
        export(model_name, tflite_path(model_name))
