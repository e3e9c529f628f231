"""One device's part of a night: all its configurations in turns, within its budget."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.night import Missing
from orchestrator.domain.session import PlannedSession
from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import spent_s
from orchestrator.measure.farm.night_plan import RERUN_SHARE
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.model_commit import ModelCommit
from orchestrator.workflows.night_clock import NightClock
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_place import NightPlace, night_place, study_for
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.night_wanted import Shift, Wanted
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner

NIGHTLY = "nightly"


@dataclass
class Line:
    """One configuration on its way through the night. ``broken``: it failed, and is not run again tonight."""

    wanted: Wanted
    candidate: Candidate
    runner: SessionRunner
    cost_s: float
    broken: bool = False


@dataclass
class DeviceShift:
    """``missing``: what is not measured, each with why. ``studies``: of this device, by model."""

    plan: NightPlan
    clock: NightClock
    ledger: Ledger
    ready: dict[str, Ready]
    shift: Shift
    device: Device
    missing: dict[str, Missing] = field(default_factory=dict)
    studies: dict[str, str] = field(default_factory=dict)
    same: int = 0

    def miss(self, what: object, reason: str) -> None:
        """``what`` None: the device itself."""
        name = self.device.name if what is None else f"{self.device.name}: {what}"
        self.missing[name] = Missing(name, reason)

    @property
    def expected(self) -> int:
        return self.shift.night.sessions - self.same

    @property
    def _wanted(self) -> list[tuple[int, Wanted]]:
        each = ((number, self.shift.wanted[number]) for number in self.shift.night.taken)
        return [(number, wanted) for number, wanted in each if wanted.model in self.ready]

    def work(self, progress: Progress) -> None:
        """Raises EarshotError; what was measured until then is in the ledger, and the same call goes on from there."""
        self.missing.clear()
        self.same = 0
        wanted = self._wanted
        environments = {each.environment for _, each in wanted if each.environment is not None}
        purpose = f"night {self.plan.name}"
        with night_place(self.ledger, self.device, environments, purpose, progress, self.plan.wait_s) as place:
            runners = self._runners(place, [each for _, each in wanted])
            lines = self._lines(place, wanted, runners)
            if self._measure(lines, progress) and self.plan.quality:
                self._score(list(lines.values()), progress)
            for runner in runners.values():
                self.ledger.finish_study(runner.study.study_id, "finished")
                runner.forget_recorded()

    def _runners(self, place: NightPlace, wanted: Sequence[Wanted]) -> dict[str, SessionRunner]:
        """One study for each model, with all artifacts of it that this device is to run."""
        runners = {}
        for model in dict.fromkeys(each.model for each in wanted):
            ready = self.ready[model]
            recipes = {each.recipe for each in wanted if each.model == model}
            artifacts = [artifact for recipe, artifact in ready.artifacts.items() if recipe in recipes]
            place.progress.stage(f"pushing {model}", steps=1)
            place.push(ready, artifacts)
            study = study_for(self.ledger, ready.prepared.source.name, self.device.name, self._question(model))
            self.studies[model] = study.study_id
            runners[model] = place.runner(study, ready, artifacts, self.plan.runs)
        return runners

    def _question(self, model: str) -> dict[str, object]:
        return night_question(self.plan, self.clock.at, model, self.device.name, self.ready[model].commit)

    def _lines(
        self, place: NightPlace, wanted: Sequence[tuple[int, Wanted]], runners: dict[str, SessionRunner]
    ) -> dict[int, Line]:
        lines: dict[int, Line] = {}
        for number, each in wanted:
            try:
                candidate = place.candidate(each, self.ready[each.model])
            except (BadInput, DeviceNotReady) as exc:
                self.miss(each, exc.message)
                continue
            twin = next((line.wanted for line in lines.values() if line.candidate.key == candidate.key), None)
            if twin is not None:
                place.progress.note(f"{each} is the same as {twin}: measured once")
                self.same += len(self.shift.night.blocks)
                continue
            lines[number] = Line(each, candidate, runners[each.model], self.shift.costs[number].session_s)
        return lines

    def _measure(self, lines: dict[int, Line], progress: Progress) -> bool:
        """False where the night or the budget ended before all was measured."""
        blocks = self.shift.night.blocks
        expected_s = len(blocks) * sum(line.cost_s for line in lines.values())
        progress.stage(f"{self.plan.mode}, interleaved", steps=len(blocks) * len(lines), expected_s=expected_s)
        for number, order in enumerate(blocks):
            for position, which in enumerate(order):
                line = lines.get(which)
                if line is None or line.broken:
                    continue
                planned = line.runner.plan(
                    line.candidate, self.plan.mode, seconds=self.plan.seconds, block=number, position=position
                )
                ended = self._ended(planned, line.cost_s)
                if ended is not None:
                    self.miss(None, f"{ended} in block {number + 1} of {len(blocks)}")
                    return False
                self._run(line, planned)
        return True

    def _run(self, line: Line, planned: PlannedSession) -> None:
        (session,) = line.runner.run_all([planned])
        if not session.ok:
            line.broken = True
            self.miss(line.wanted, f"failed: {session.result.reason}")

    def _ended(self, planned: PlannedSession, needed_s: float) -> str | None:
        """Why nothing more is to be measured; None: go on. What the ledger has takes no time."""
        if self.ledger.session(planned.session_id, with_arrays=False) is not None:
            return None
        if self.clock.over(needed_s):
            return "noon ended the night"
        used_s = spent_s(self.ledger, list(self.studies.values()))
        if used_s + needed_s > (1.0 - RERUN_SHARE) * self.plan.budget_of(self.device.name):
            return f"its budget was used up ({used_s / 60:.1f} min of sessions)"
        return None

    def _score(self, lines: Sequence[Line], progress: Progress) -> None:
        """After what is timed, so that a night that runs short has its times."""
        progress.stage("quality", steps=len(lines))
        for line in lines:
            if line.broken:
                continue
            if self.clock.over():
                self.miss("quality", "noon ended the night")
                return
            session = score_candidate(line.runner, self.ready[line.wanted.model].prepared, line.candidate, "test", 0)
            if not session.ok:
                self.miss(f"{line.wanted}, quality", f"failed: {session.result.reason}")


def night_question(plan: NightPlan, at: str, model: str, device: str, commit: ModelCommit | None) -> dict[str, object]:
    """The settings of a night's study: by them its sessions are known to be a night's."""
    return {
        "workflow": NIGHTLY,
        "plan": plan.name,
        "night": at,
        "model": model,
        "device": device,
        "mode": plan.mode,
        "seconds": plan.seconds,
        **({"model_commit": commit.as_settings()} if commit else {}),
    }
