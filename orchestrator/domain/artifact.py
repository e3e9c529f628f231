"""An artifact: a file named by its content hash, and how it came to be."""

from dataclasses import dataclass, field
from pathlib import Path

from agents.contract import StreamContract
from orchestrator.domain.recipe import Recipe


@dataclass(frozen=True)
class Parity:
    """Chunk-by-chunk output of the artifact against the whole-sequence output of its fp32 source.

    ``max_abs`` in the output's unit, ``snr_db`` over all outputs (None where the difference is exactly zero).
    Passed when max_abs <= max_abs_allowed, or snr_db >= snr_db_required, whichever the precision is held to.
    """

    chunk_count: int
    chunk_samples: int
    max_abs: float
    snr_db: float | None
    max_abs_allowed: float | None
    snr_db_required: float | None
    passed: bool


@dataclass(frozen=True)
class Provenance:
    """Where an artifact comes from. ``tools`` maps each exporter package to its version."""

    source_sha256: str
    recipe: str
    opset: int
    tools: dict[str, str]
    created_utc: str
    calibration_sha256: str | None = None
    calibration_chunks: int = 0
    duration_s: float = 0.0
    notes: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Artifact:
    """``path`` holds the bytes whose SHA-256 is ``sha256``; ``contract.json`` lies beside it."""

    model: str
    sha256: str
    size_bytes: int
    path: Path
    recipe: Recipe
    contract: StreamContract
    provenance: Provenance
    parity: Parity

    @property
    def suffix(self) -> str:
        return self.path.suffix
