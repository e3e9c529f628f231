"""From what is wanted on which device to an order and its jobs: one for each session, one for each export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from orchestrator.domain.job import EXPORT, EXPORT_QUEUE, INTERACTIVE, SESSION, Job, device_queue
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.measure.lab.holder import person
from orchestrator.workflows.farm.payload import EVALUATE, SessionWork, StudyTold, study_id
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.night_wanted import Shift

_MOST_NAME = 64


@dataclass(frozen=True)
class Asked:
    """What every order says of itself. ``user`` whose share of a device it takes."""

    user: str
    priority: int = INTERACTIVE
    deadline_utc_s: float | None = None

    def __post_init__(self) -> None:
        if not self.user or len(self.user) > _MOST_NAME or not self.user.isprintable():
            raise BadInput(f"a user is named by 1 to {_MOST_NAME} letters, got {self.user!r}", hint="--user NAME")

    def export(self, order_id: str, turn: int) -> Job:
        """Of an export that is to be named: ``farm_export.export_job`` says which."""
        return Job(
            f"{order_id}-export-{turn}",
            order_id,
            EXPORT,
            EXPORT_QUEUE,
            self.user,
            turn,
            self.priority,
            deadline_utc_s=self.deadline_utc_s,
        )


def login_name() -> str:
    return person().partition("@")[0]


def new_order_id(now: datetime) -> str:
    """By time, so that people find it, and short, because ids of sessions begin with it."""
    return f"{now.astimezone(UTC):%y%m%d-%H%M%S}-{uuid4().hex[:4]}"


@dataclass(frozen=True)
class Drawing:
    """How an order is drawn. ``names`` of the models by what the plan calls them. ``exports`` by (model, recipe), all
    that the plan needs. ``questions``: by (model, device), the settings of their study.
    """

    order_id: str
    asked: Asked
    plan: NightPlan
    names: Mapping[str, str]
    exports: Mapping[tuple[str, Recipe], Job]
    questions: Mapping[tuple[str, str], dict[str, Any]]
    started_utc: str

    def jobs(self, shifts: Sequence[Shift]) -> list[Job]:
        """Exports first, then what needs them."""
        sessions = [job for shift in shifts for job in self._sessions(shift)]
        return [*{job.job_id: job for job in self.exports.values()}.values(), *sessions]

    def _sessions(self, shift: Shift) -> list[Job]:
        found: list[Job] = []
        for block, order in enumerate(shift.night.blocks):
            for position, number in enumerate(order):
                found.append(self._session(shift, number, block, position, len(found)))
        if self.plan.quality:
            for number in shift.night.taken:
                found.append(self._session(shift, number, 0, number, len(found), EVALUATE))
        return found

    def _session(
        self,
        shift: Shift,
        number: int,
        block: int,
        position: int,
        turn: int,
        mode: str | None = None,
    ) -> Job:
        """``number``: of the configuration on that device; ``turn``: of the job in its queue."""
        wanted, cost = shift.wanted[number], shift.costs[number]
        study = self._study(wanted.model, shift.device)
        work = SessionWork(
            study=study,
            model=wanted.model,
            recipe=str(wanted.recipe),
            mode=mode or self.plan.mode,
            seconds=0.0 if mode == EVALUATE else self.plan.seconds,
            block=block,
            position=position,
            expected_s=cost.once_s if mode == EVALUATE else cost.session_s,
            provider=wanted.provider,
            threads=wanted.threads,
            environment=wanted.environment,
            chosen=wanted.chosen,
            reruns=self.plan.runs,
        )
        return Job(
            f"{study.study_id}-{work.mode}-{block}-{number}",
            self.order_id,
            SESSION,
            device_queue(shift.device),
            self.asked.user,
            turn,
            self.asked.priority,
            (self.exports[wanted.model, wanted.recipe].job_id,),
            self.asked.deadline_utc_s,
            work.as_payload(),
        )

    def _study(self, model: str, device: str) -> StudyTold:
        name = self.names[model]
        settings = self.questions[model, device]
        return StudyTold(study_id(self.order_id, name, device), name, device, self.started_utc, settings)
