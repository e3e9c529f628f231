"""A cascade: models in one session, each with its candidate and its latency budget. Symbols: docs/measurement.md."""

import hashlib
import json
from dataclasses import dataclass

from agents import wire
from agents.strict_json import to_json
from orchestrator.domain.candidate import Candidate

# Mode of its sessions, and when its first stage runs.
CASCADE = wire.CASCADE
ALWAYS = "always"
WHENS = (ALWAYS, *wire.WHENS)


@dataclass(frozen=True)
class CascadeStage:
    """``budget_ms``: of its part of an answer, None: it has none. Of the first stage it is that of each chunk."""

    name: str
    when: str
    candidate: Candidate
    budget_ms: float | None = None

    def __post_init__(self) -> None:
        if self.when not in WHENS:
            raise ValueError(f"when must be one of {', '.join(WHENS)}, got {self.when!r}")
        if self.budget_ms is not None and not self.budget_ms > 0:
            raise ValueError(f"a budget must be > 0 ms, got {self.budget_ms}")


@dataclass(frozen=True)
class Cascade:
    """Of two or three stages, the first of which hears everything. The rest is that of ``agents.wire.Cascade``."""

    name: str
    stages: tuple[CascadeStage, ...]
    threshold: float
    release: float
    hangover_ms: float
    pre_roll_ms: float
    reply_tokens: int
    order: str

    def __post_init__(self) -> None:
        if len(self.stages) not in (2, 3) or [s.when == ALWAYS for s in self.stages].index(True) != 0:
            raise ValueError(f"a cascade has two stages or three, the first always: {[s.when for s in self.stages]}")

    @property
    def key(self) -> str:
        """16 hex digits over everything that makes this cascade another one; what it is called and budgets do not."""
        record = to_json(self)
        del record["name"]
        record["stages"] = [[stage.name, stage.when, stage.candidate.key] for stage in self.stages]
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def budget_ms(self) -> float | None:
        """Of all stages together; None where one has none."""
        known = [stage.budget_ms for stage in self.stages if stage.budget_ms is not None]
        return sum(known) if len(known) == len(self.stages) else None
