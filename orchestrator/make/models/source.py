"""A model that can be exported: its fp32 graphs and the contract to stream it."""

from dataclasses import dataclass, replace
from pathlib import Path

from agents.contract import StreamContract
from orchestrator.errors import ExportFailed

# What an evaluation counts, by the contract's decoder.
METRICS = {"keyword": "accuracy", "ctc": "wer"}


@dataclass(frozen=True)
class ModelSource:
    """The same model as one graph or two: ``onnx_path``, and ``tflite_path`` for chunks of the contract's own size; at
    least one is there. ``sha256`` covers the main graph with its weights, against which everything is proven.
    ``manifest_path`` lists the evaluation set; None where there is none, and then quality cannot be measured."""

    name: str
    contract: StreamContract
    onnx_path: Path | None
    sha256: str
    manifest_path: Path | None
    tflite_path: Path | None = None

    @property
    def metric(self) -> str | None:
        """accuracy or wer; None where the contract names no decoder."""
        return METRICS.get(self.contract.decoder.kind)

    @property
    def graph_path(self) -> Path:
        """The main graph: the ONNX one, where there is one."""
        path = self.onnx_path or self.tflite_path
        if path is None:
            raise ValueError(f"{self.name} has no graph")
        return path

    @property
    def needed_onnx(self) -> Path:
        """Raises ExportFailed where there is none."""
        if self.onnx_path is None:
            raise ExportFailed(
                f"{self.name} is a .tflite file, and nothing turns one into ONNX",
                hint="use a recipe of litert: --recipe litert:fp32",
            )
        return self.onnx_path

    @property
    def needed_tflite(self) -> Path:
        """Raises ExportFailed where there is none."""
        if self.tflite_path is None:
            raise ExportFailed(
                f"{self.name} has no .tflite file, and nothing turns its ONNX graph into one",
                hint="convert the PyTorch model with litert-torch and import it: docs/how-to/your-tflite.md",
            )
        return self.tflite_path

    def contract_of(self, format_: str) -> StreamContract:
        """The contract of artifacts in this format: a .tflite file has one chunk size."""
        if format_ != "litert":
            return self.contract
        return replace(self.contract, allowed_chunk_samples=(self.contract.chunk_samples,))
