"""A model that can be exported: its fp32 graph and the contract to stream it."""

from dataclasses import dataclass
from pathlib import Path

from agents.contract import StreamContract

# What an evaluation counts, by the contract's decoder.
METRICS = {"keyword": "accuracy", "ctc": "wer"}


@dataclass(frozen=True)
class ModelSource:
    """``sha256`` covers the graph with its weights. ``manifest_path`` lists the evaluation set; None where there is
    none, and then quality cannot be measured."""

    name: str
    contract: StreamContract
    onnx_path: Path
    sha256: str
    manifest_path: Path | None

    @property
    def metric(self) -> str | None:
        """accuracy or wer; None where the contract names no decoder."""
        return METRICS.get(self.contract.decoder.kind)
