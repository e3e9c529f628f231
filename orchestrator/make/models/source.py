"""A model that can be exported: its fp32 graphs or its PyTorch module, and the contract to stream it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.contract import StreamContract
from orchestrator.errors import ExportFailed
from orchestrator.make.models.module import ModuleRef

# What an evaluation counts, by the contract's decoder.
METRICS = {"keyword": "accuracy", "ctc": "wer", "vad": "f1", "rnnt": "wer", "trie": "top3"}
# Formats whose files take one chunk size: their shapes are fixed when they are made.
_FIXED = ("coreml", "executorch", "litert", "openvino", "qnn", "tensorrt")


@dataclass(frozen=True)
class ModelSource:
    """The same model in up to three forms, at least one: ``onnx_path``, ``tflite_path`` for chunks of the contract's
    own size, and ``module``, from which torch makes what is not there. ``step_module`` is the second graph of a
    transducer. ``sha256`` covers the main form with its weights (the ONNX graph, else the .tflite file, else the
    module), against which everything is proven. ``manifest_path`` lists the evaluation set; None where there is none,
    and then quality cannot be measured. ``lexicon_path``: the words that a ``trie`` decoder ranks.
    ``note``: what its figures do not tell. ``pte_path``: an ExecuTorch program that was imported, and is run as it
    is. ``tuned``: files of weights that the module learned since, by the names that recipes call them by; it grows.
    ``lessons``: "file.py:function" that gives training batches; None: those of its name (make/train/lessons.py)."""

    name: str
    contract: StreamContract
    onnx_path: Path | None
    sha256: str
    manifest_path: Path | None
    tflite_path: Path | None = None
    module: ModuleRef | None = None
    step_module: ModuleRef | None = None
    lexicon_path: Path | None = None
    note: str | None = None
    pte_path: Path | None = None
    tuned: dict[str, Path] = field(default_factory=dict, compare=False)
    lessons: str | None = None

    @property
    def metric(self) -> str | None:
        """One of ``METRICS``; None where the contract names no decoder."""
        return METRICS.get(self.contract.decoder.kind)

    @property
    def has_graph(self) -> bool:
        """False where all there is is a module."""
        return any((self.onnx_path, self.tflite_path, self.pte_path))

    @property
    def graph_path(self) -> Path:
        """The main graph: the ONNX one, where there is one. Raises ValueError where there is only a module."""
        path = self.onnx_path or self.tflite_path or self.pte_path
        if path is None:
            raise ValueError(f"{self.name} has no graph")
        return path

    @property
    def needed_onnx(self) -> Path:
        """Raises ExportFailed where there is none."""
        if self.onnx_path is None:
            raise ExportFailed(
                f"{self.name} is a {self.graph_path.suffix} file, and nothing turns one into ONNX",
                hint="use a recipe of its own format: --recipe litert:fp32, executorch:fp32",
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

    def needed_module(self) -> ModuleRef:
        """Raises ExportFailed where there is none."""
        if self.module is None:
            raise ExportFailed(
                f"{self.name} is a graph, and this format is made from a PyTorch module only",
                hint="earshot models init writes a module for your model: docs/how-to/your-pytorch-model.md",
            )
        return self.module

    def contract_of(self, format_: str) -> StreamContract:
        """The contract of artifacts in this format: those of some have one chunk size."""
        contract = self.contract
        if format_ not in _FIXED:
            return contract
        # As many hypotheses as the decoder keeps: each call computes them all.
        search = replace(contract.search, batch=contract.decoder.beam) if contract.search else None
        return replace(contract, allowed_chunk_samples=(contract.chunk_samples,), search=search)
