"""All that is told of a cascade that ran."""

from dataclasses import dataclass

from orchestrator.domain.cascade import Cascade
from orchestrator.domain.cascade_budget import BudgetRow
from orchestrator.domain.latency_budget import Budget


@dataclass(frozen=True)
class StageTold:
    """Medians over the sessions, ms; ``service_ms`` of a run of the stage: its front end, its graph, its decoder or
    search. ``libraries_mb``: shared libraries that its load brought into the process, None: the device does not tell.
    """

    name: str
    when: str
    model: str
    candidate: str
    runtime: str
    runtime_version: str | None
    runs: int
    service_ms: float | None
    features_ms: float | None
    model_ms: float | None
    decode_ms: float | None
    load_ms: float
    libraries: int | None
    libraries_mb: float | None
    fell_back: str | None


@dataclass(frozen=True)
class CascadeTold:
    """``partial``: from the end of a word to its first event, or why it is not known. ``backlog_chunks``: the largest,
    of the first stage. ``verdict``: of its worst session (domain/session_verdict.py), ``doubts`` why; invalid where a
    stage fell back. ``not_hardware``: that it is a stand-in, or emulated. ``unspoken``: utterances in which nobody
    spoke a word, None: it is not known what was spoken.
    """

    cascade: Cascade
    study_id: str
    device: str
    sessions: tuple[str, ...]
    seconds: float
    rows: tuple[BudgetRow, ...]
    partial: Budget | str
    stages: tuple[StageTold, ...]
    utterances: int
    answered: int
    unspoken: int | None
    backlog_chunks: int
    lateness_p99_ms: float
    not_hardware: tuple[str, ...]
    verdict: str
    doubts: tuple[str, ...]
