"""What a session job says, beside the device that its queue names: all that whoever runs it must know."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.job import SESSION, Job
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.workflows.night_wanted import Wanted

# Scores the candidate on the whole evaluation set; the agent's own word for it.
EVALUATE = "evaluate"


@dataclass(frozen=True)
class StudyTold:
    """The study that a job's session belongs to: the same for all jobs of an order with its model and device.

    ``model``: as its artifacts call it.
    """

    study_id: str
    model: str
    device: str
    started_utc: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def study(self) -> Study:
        return Study(self.study_id, self.model, self.device, self.started_utc, self.settings)


@dataclass(frozen=True)
class SessionWork:
    """``model``: as the library names it. ``chosen``: a decision's winner, which says all but the artifact's bytes.
    ``reruns``: so often the session may be run again because something disturbed it. ``expected_s``: what it should
    take. ``seconds`` of audio; of mode evaluate 0, whose audio is its set.
    """

    study: StudyTold
    model: str
    recipe: str
    mode: str
    seconds: float
    block: int
    position: int
    expected_s: float
    provider: str | None = None
    threads: int = 1
    environment: str | None = None
    chosen: Candidate | None = None
    reruns: int = 1

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.model, Recipe.parse(self.recipe), self.provider, self.threads, self.environment, self.chosen)

    def as_payload(self) -> dict[str, Any]:
        told: dict[str, Any] = to_json(self)
        return told


def session_work(job: Job) -> SessionWork:
    """Raises BadInput for a payload that this Earshot cannot read."""
    try:
        return from_json(SessionWork, job.payload)
    except MalformedJson as exc:
        raise BadInput(f"job {job.job_id} was submitted by another Earshot: {exc}", hint="submit it again") from exc


def study_id(order_id: str, model: str, device: str) -> str:
    """Follows from them, so that the ids of sessions do, whoever runs them."""
    # 64 bits: with 24, two of 10,000 devices had the same study.
    return f"{order_id}-{hashlib.sha256(f'{model} {device}'.encode()).hexdigest()[:16]}"


def title_of(job: Job) -> str:
    """A job in a few words, for people."""
    told = job.payload
    if job.kind != SESSION:
        return " ".join(str(part) for part in (job.kind, told.get("model"), told.get("recipe")) if part)
    work = session_work(job)
    return f"{work.mode} {work.wanted}{'' if work.mode == EVALUATE else f', run {work.block + 1}'}"
