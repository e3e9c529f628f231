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


# Names of an artifact's files: its main graph, then those that a session gets as parts (agents.wire.PARTS).
GRAPH, STEP, LEXICON = "graph", "step", "lexicon"


@dataclass(frozen=True)
class Part:
    """One of several files of an artifact."""

    sha256: str
    size_bytes: int
    path: Path


@dataclass(frozen=True)
class Artifact:
    """``path`` holds the main graph, the bytes whose SHA-256 is ``sha256``; ``contract.json`` lies beside it.

    An artifact of several files has all of them in ``parts``; then ``sha256`` is over theirs, and ``size_bytes`` their
    sum. ``files`` has them either way.
    ``unproven``: why nothing on the machine that made it could run it, so that it has no parity. Never a candidate.
    """

    model: str
    sha256: str
    size_bytes: int
    path: Path
    recipe: Recipe
    contract: StreamContract
    provenance: Provenance
    parity: Parity | None
    unproven: str | None = None
    parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parts and self.parts.get(GRAPH, Part("", 0, Path())).path != self.path:
            raise ValueError(f"the parts of an artifact must hold its graph, got {sorted(self.parts)}")
        if (self.parity is None) == (self.unproven is None):
            raise ValueError(f"an artifact has its parity, or the reason why not: {self.path}")

    @property
    def files(self) -> dict[str, Part]:
        return self.parts or {GRAPH: Part(self.sha256, self.size_bytes, self.path)}

    @property
    def passed(self) -> bool:
        """Whether it was run, and equals its source."""
        return self.parity is not None and self.parity.passed

    @property
    def suffix(self) -> str:
        """All of the file's endings, as in ``.mlpackage.zip``."""
        return "".join(self.path.suffixes)
