"""What ``earshot tune`` was asked for."""

import hashlib
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.decide.search.registry import require_strategy
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.workflows.option_axis import SessionOption

# Of re-exports: each costs exports and a race of what it made, and most is found in the first two.
DEFAULT_ROUNDS = 3
# Fine-tuning batches: a minute or two of the controller for the reference models.
DEFAULT_QAT_STEPS = 100
_ELSEWHERE = "give a folder that you may write to with --results"


def require_duration(name: str, value: float) -> None:
    """Raises BadInput for what is no length of time to measure with."""
    if not (math.isfinite(value) and value > 0):
        raise BadInput(f"{name} must be > 0 and finite, got {value:g}")


def deadline_ns(deadline_ms: float | None) -> int | None:
    """None: a chunk's own duration. Raises BadInput for what no chunk could meet."""
    if deadline_ms is None:
        return None
    if not (math.isfinite(deadline_ms) and deadline_ms * 1e6 >= 1):
        raise BadInput(
            f"the deadline must be > 0 ms and finite, got {deadline_ms:g}",
            hint="leave --deadline-ms out, and each chunk has its own duration",
        )
    return round(deadline_ms * 1e6)


def require_results(path: Path) -> None:
    """Raises BadInput where ``path`` is no folder that can be written to, and cannot become one. Makes nothing."""
    there = next(place for place in (path, *path.parents) if place.exists())
    if not there.is_dir():
        raise BadInput(f"cannot make the results folder {path}: {there} is a file", hint=_ELSEWHERE)
    if not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"the results folder {path} cannot be written to", hint=_ELSEWHERE)


@dataclass(frozen=True)
class TuneSettings:
    """``recipes`` and ``threads`` empty: Earshot's choice. ``budget_s`` is device time. ``paced_s`` and
    ``flat_out_s`` are seconds of audio per session; ``strategy`` says who runs next (decide/search); at most
    ``finalists`` go from screening to the paced race beside the default. ``device``: a name, or any:TAG; ``wait_s``:
    how long to wait while somebody else has it. ``quiet_device``: make the changes that the doctor proposes, and undo
    them afterwards. ``environment``: the only Python environment of the device to try; None: its default, and beside it
    all that the lab file names. ``options``: of sessions and providers, each value tried beside none.
    ``allow_suspect``: suspect sessions count like valid ones. ``deadline_ms``: a paced chunk with a longer latency is a
    miss; None: its duration. ``clusters``: try everything on these too (domain/cluster.py), or on ``all`` that the
    device has; ``isolate``: steps of isolation, None: the lab file's. ``rounds`` of re-exports, at most;
    ``qat_steps`` of the one in which weights learn to be rounded, 0: there is none.
    ``sustained_minutes`` of the winner without a pause, 0: none. ``user_words``: a user's own, beside the model's
    lexicon, in every session. Raises BadInput for a value that cannot be measured with.
    """

    model: str
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    recipes: tuple[Recipe, ...] = ()
    threads: tuple[int, ...] = ()
    chunk_ms: float | None = None
    objective: Objective = field(default_factory=Objective)
    constraints: Constraints = field(default_factory=Constraints)
    budget_s: float = 240.0
    paced_s: float = 5.0
    flat_out_s: float = 20.0
    strategy: str = "racing"
    finalists: int = 4
    seed: int = 0
    fresh: bool = False
    wait_s: float = 0.0
    quiet_device: bool = False
    environment: str | None = None
    allow_suspect: bool = False
    options: tuple[SessionOption, ...] = ()
    deadline_ms: float | None = None
    clusters: tuple[str, ...] = ()
    isolate: tuple[str, ...] | None = None
    rounds: int = DEFAULT_ROUNDS
    qat_steps: int = DEFAULT_QAT_STEPS
    sustained_minutes: float = 0.0
    user_words: Path | None = None

    def __post_init__(self) -> None:
        deadline_ns(self.deadline_ms)
        for name in ("budget_s", "paced_s", "flat_out_s"):
            require_duration(name, getattr(self, name))
        if self.chunk_ms is not None:
            require_duration("chunk_ms", self.chunk_ms)
        if self.finalists < 1:
            raise BadInput(f"finalists must be >= 1, got {self.finalists}")
        if self.rounds < 0:
            raise BadInput(f"rounds must be >= 0, got {self.rounds}", hint="0 exports nothing again")
        if self.qat_steps < 0:
            raise BadInput(f"qat_steps must be >= 0, got {self.qat_steps}", hint="0 learns nothing")
        if self.sustained_minutes != 0:
            require_duration("sustained_minutes", self.sustained_minutes)
        require_strategy(self.strategy)
        if any(t < 1 for t in self.threads):
            raise BadInput(f"threads must be >= 1, got {self.threads}")

    def question(self) -> dict[str, object]:
        """All that makes this another question, as plain JSON: the same question resumes an unfinished study."""
        return {
            "workflow": "tune",
            "model": self.model,
            "device": self.device,
            "lab": str(self.lab) if self.lab else None,
            "recipes": [str(r) for r in self.recipes],
            "threads": list(self.threads),
            "chunk_ms": self.chunk_ms,
            "minimize": str(self.objective),
            "constraints": self.constraints.asked(),
            "budget_s": self.budget_s,
            "paced_s": self.paced_s,
            "flat_out_s": self.flat_out_s,
            "strategy": self.strategy,
            "finalists": self.finalists,
            "seed": self.seed,
            "quiet_device": self.quiet_device,
            "environment": self.environment,
            "allow_suspect": self.allow_suspect,
            **({"options": [str(o) for o in self.options]} if self.options else {}),
            "deadline_ms": self.deadline_ms,
            "clusters": list(self.clusters),
            "isolate": self.isolate,
            "rounds": self.rounds,
            "qat_steps": self.qat_steps,
            "sustained_minutes": self.sustained_minutes,
            # By content: other words are another question, whatever their file is called.
            **({"user_words": hashlib.sha256(self.user_words.read_bytes()).hexdigest()} if self.user_words else {}),
        }

    @property
    def ledger_path(self) -> Path:
        return self.results / "ledger.db"

    @property
    def artifacts_dir(self) -> Path:
        return self.results / "artifacts"

    @property
    def models_dir(self) -> Path:
        return self.results / "models"
