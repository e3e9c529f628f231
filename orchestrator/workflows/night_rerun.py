"""The re-run that is to decide a suspicion: the old artifact and tonight's in turns on the device that is suspect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.night import RerunTold
from orchestrator.domain.regression import ConfirmationRequest
from orchestrator.domain.session import PlannedSession, Session
from orchestrator.errors import BadInput, EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import spent_s
from orchestrator.measure.farm.interleave import block_order
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.night_clock import NightClock
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_place import NightPlace, night_place, study_for
from orchestrator.workflows.night_series import CONFIRM, key_of
from orchestrator.workflows.night_settings import NightPlan
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import SessionRunner

# Fewer pairs say nothing that is worth the time (decide/regression/rerun.py asks for six at least).
_LEAST_PAIRS = 6


@dataclass
class DeviceReruns:
    """Of one device. ``studies``: this night's there, whose time is spent of the same budget; ``ready`` by model, and
    ``told`` what became of each request so far.
    """

    plan: NightPlan
    clock: NightClock
    ledger: Ledger
    ready: Mapping[str, Ready]
    device: Device
    studies: list[str]
    told: dict[tuple[str, ...], RerunTold] = field(default_factory=dict)

    def work(self, requests: Sequence[ConfirmationRequest], look: int, progress: Progress) -> None:
        """``look`` 1 or 2: as many pairs as are asked for, or as many more. Raises EarshotError; the same call goes on
        from there.
        """
        plans = [plan for plan in (self._plan(asked) for asked in requests) if plan is not None]
        if not plans:
            return
        environments = {each.candidate.environment for each in plans if each.candidate.environment}
        purpose = f"night {self.plan.name}, re-runs"
        with night_place(self.ledger, self.device, environments, purpose, progress, self.plan.wait_s) as place:
            for each in plans:
                self._tell(each.asked, *self._rerun(place, each, look), look)

    def _tell(self, asked: ConfirmationRequest, pairs: int, reason: str | None, look: int = 1) -> None:
        self.told[asked.configuration] = RerunTold(
            asked.configuration, asked.old.artifact, asked.new.artifact, look * asked.pairs, pairs, reason
        )

    def _plan(self, asked: ConfirmationRequest) -> "_Rerun | None":
        """None where it cannot be done, which is told."""
        try:
            session = self._tonights(asked)
            old = self._old_artifact(asked, session)
        except EarshotError as exc:
            self._tell(asked, 0, exc.message)
            return None
        new = self.ledger.artifact(asked.new.artifact)
        assert new is not None, "its sessions are in the ledger"
        return _Rerun(asked, session.planned.candidate, old, new, session.duration_s)

    def _tonights(self, asked: ConfirmationRequest) -> Session:
        """A session of tonight's artifact, which says what is to be run. Raises BadInput."""
        for study_id in self.studies:
            for session in self.ledger.sessions(study_id, mode=self.plan.mode, with_arrays=False):
                same = session.planned.candidate.artifact_sha256 == asked.new.artifact
                if same and session.ok and key_of(session).configuration == asked.configuration:
                    return session
        raise BadInput("it is not of this plan")

    def _old_artifact(self, asked: ConfirmationRequest, session: Session) -> Artifact:
        """Raises BadInput where its bytes are gone, or the runtime is what changed."""
        if asked.old.artifact == asked.new.artifact:
            changed = f"{asked.old.axes.runtime} -> {asked.new.axes.runtime}"
            raise BadInput(f"the artifact is the same, the runtime changed ({changed}): earshot bisect compares those")
        known = self.ledger.artifact(asked.old.artifact)
        if known is None or not all(part.path.is_file() for part in known.files.values()):
            raise BadInput(f"the old artifact {asked.old.artifact[:12]} ({asked.old.at}) is no longer in the store")
        return known

    def _rerun(self, place: NightPlace, wanted: "_Rerun", look: int) -> tuple[int, str | None]:
        """Pairs that are there now, and why not all."""
        asked = wanted.asked
        ready = next(r for r in self.ready.values() if r.prepared.source.name == wanted.candidate.model)
        place.push(ready, wanted.artifacts)
        study = study_for(self.ledger, wanted.candidate.model, self.device.name, self._question(asked))
        if study.study_id not in self.studies:
            self.studies.append(study.study_id)
        runner = place.runner(study, ready, wanted.artifacts, asked.pairs)
        pairs, reason = look * asked.pairs, None
        what = " ".join(asked.configuration[1:])
        place.progress.stage(f"re-run of {what}", steps=2 * asked.pairs, expected_s=2 * asked.pairs * wanted.session_s)
        for block in range(pairs):
            plans = self._pair(runner, wanted, block)
            known = all(self.ledger.session(plan.session_id, with_arrays=False) for plan in plans)
            reason = None if known else self._no_room(wanted, block)
            if reason is not None:
                pairs = block
                break
            runner.run_all(plans)
        self.ledger.finish_study(study.study_id, "finished")
        runner.forget_recorded()
        return pairs, reason

    def _pair(self, runner: SessionRunner, wanted: "_Rerun", block: int) -> list[PlannedSession]:
        seconds, mode = self.plan.seconds, self.plan.mode
        order = block_order(wanted.candidates, block, seed=0)
        return [runner.plan(c, mode, seconds=seconds, block=block, position=i) for i, c in enumerate(order)]

    def _no_room(self, wanted: "_Rerun", done: int) -> str | None:
        """Why no further pair can be made; None: there is room. A start that cannot come to an end is not made."""
        needed = max(1, _LEAST_PAIRS - done)
        needed_s = 2.0 * needed * wanted.session_s
        if self.clock.over(needed_s):
            return f"noon ended the night after {done} pairs"
        left_s = self.plan.budget_of(self.device.name) - spent_s(self.ledger, self.studies)
        if needed_s > left_s:
            return f"the budget of {self.device.name} had room for {done} pairs"
        return None

    def _question(self, asked: ConfirmationRequest) -> dict[str, object]:
        return {
            "workflow": CONFIRM,
            "plan": self.plan.name,
            "night": self.clock.at,
            "configuration": list(asked.configuration),
            "old": asked.old.artifact,
            "new": asked.new.artifact,
            "mode": self.plan.mode,
            "seconds": self.plan.seconds,
        }


@dataclass(frozen=True)
class _Rerun:
    """``candidate``: tonight's; ``session_s``: what a session of it took tonight."""

    asked: ConfirmationRequest
    candidate: Candidate
    old: Artifact
    new: Artifact
    session_s: float

    @property
    def artifacts(self) -> tuple[Artifact, Artifact]:
        return self.old, self.new

    @property
    def candidates(self) -> tuple[Candidate, Candidate]:
        return replace(self.candidate, artifact_sha256=self.old.sha256), self.candidate
