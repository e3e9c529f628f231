"""A search among versions of one configuration, on the device: each is run in turns with the oldest one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.decide.bisection.search import Ask, Care, Found, NotSeen, Open, Step, next_step
from orchestrator.decide.comparison.runs import Side, runs_of, values_of
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.errors import BadInput, EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.farm.interleave import block_order
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_place import NightPlace, study_for
from orchestrator.workflows.session_runner import SessionRunner

# A pair without both figures is run again this often before its version is given up.
_SPARE = 3
# What a version is on the device: raises EarshotError where it cannot be had.
Make = Callable[[int], tuple[Artifact, Candidate]]


@dataclass(frozen=True)
class Searched:
    """``names`` of the versions, oldest first; ``unfit``: those that could not be measured, each with why."""

    step: Found | NotSeen | Open
    names: tuple[str, ...]
    unfit: dict[str, str]
    pairs: int
    study_id: str


@dataclass
class DeviceSearch:
    """``question``: all that makes this another search, as plain JSON; the same one goes on where it was.

    ``metric``: one of decide/comparison's. Pairs of version k have blocks from k times ``VERIFY_BLOCK`` on, so that
    they are evidence for nothing else, and none shares a run of the oldest version with another.
    """

    ledger: Ledger
    place: NightPlace
    ready: Ready
    names: Sequence[str]
    make: Make
    metric: str
    mode: str
    seconds: float
    question: dict[str, object]
    care: Care = field(default_factory=Care)
    _made: dict[int, tuple[Artifact, Candidate]] = field(default_factory=dict)
    _unfit: dict[int, str] = field(default_factory=dict)
    _runs: dict[int, int] = field(default_factory=dict)
    # Versions up to the one and from the other on are the very bytes of the oldest and of the newest.
    _old: int = 0
    _new: int = 0

    def run(self) -> Searched:
        """Raises EarshotError where the oldest or the newest version cannot be had, or the device is lost."""
        device = self.place.site.device.name
        study = study_for(self.ledger, self.ready.prepared.source.name, device, self.question)
        runner = self.place.runner(study, self.ready, (), 0)
        self.place.push(self.ready, ())
        newest = self._new = len(self.names) - 1
        for version in (0, newest):
            self._have(version, runner)
        self._require_two()
        self.place.progress.stage(f"bisecting {len(self.names)} versions", steps=self.care.most_pairs)
        pairs = self._known_pairs(study.study_id)
        while isinstance(step := self._next(pairs), Ask):
            self._measure(step, runner, pairs)
        self.ledger.finish_study(study.study_id, "finished")
        runner.forget_recorded()
        unfit = {self.names[version]: why for version, why in sorted(self._unfit.items())}
        return Searched(step, tuple(self.names), unfit, sum(len(found) for found in pairs.values()), study.study_id)

    def _next(self, pairs: dict[int, list[float]]) -> Step:
        return next_step(len(self.names), pairs, self._unfit, self.care, old=self._old, new=self._new)

    def _require_two(self) -> None:
        if self._made[0][1].key == self._made[self._new][1].key:
            raise BadInput(
                f"{self.names[0]} and {self.names[-1]} are the very same bytes, run by the same runtime",
                hint="what changed is not in what is pushed",
            )

    def _have(self, version: int, runner: SessionRunner) -> Candidate:
        if version not in self._made:
            artifact, candidate = self.make(version)
            self.ledger.record_artifact(artifact)
            push_blobs(self.place.site.agent, files_of(artifact))
            runner.artifacts[artifact.sha256] = artifact
            self._made[version] = artifact, candidate
        return self._made[version][1]

    def _measure(self, asked: Ask, runner: SessionRunner, pairs: dict[int, list[float]]) -> None:
        version, newest = asked.version, len(self.names) - 1
        try:
            candidate = self._have(version, runner)
        except EarshotError as exc:
            if version == newest:
                raise
            self._unfit[version] = exc.message
            return
        if self._is_known(version, candidate):
            return
        had = len(pairs.get(version, ()))
        for _ in range(asked.pairs + _SPARE):
            if len(pairs.get(version, ())) >= had + asked.pairs:
                return
            block = VERIFY_BLOCK * version + self._runs.get(version, 0)
            self._runs[version] = self._runs.get(version, 0) + 1
            value = self._pair(candidate, block, runner)
            if value is not None:
                pairs.setdefault(version, []).append(value)
        if len(pairs.get(version, ())) >= had + asked.pairs:
            return
        reason = f"{_SPARE} pairs of {self.names[version]} had no {self.metric}"
        if version == newest:
            raise BadInput(reason, hint="earshot ledger sessions shows what became of them")
        self._unfit[version] = reason
        pairs.pop(version, None)

    def _is_known(self, version: int, candidate: Candidate) -> bool:
        """Whether it is one of the ends in other clothes: then it is as old, or as new."""
        newest = len(self.names) - 1
        if candidate.key == self._made[0][1].key:
            self._old = max(self._old, version)
        elif version != newest and candidate.key == self._made[newest][1].key:
            self._new = min(self._new, version)
        else:
            return False
        return True

    def _pair(self, candidate: Candidate, block: int, runner: SessionRunner) -> float | None:
        """Logarithm of new over old; None where one of the two has no figure."""
        old = self._made[0][1]
        order = block_order((old, candidate), block, seed=0)
        done = runner.run_all(
            runner.plan(c, self.mode, seconds=self.seconds, block=block, position=i) for i, c in enumerate(order)
        )
        by_key = {session.planned.candidate.key: session for session in done}
        return self._ratio(by_key[old.key], by_key[candidate.key], candidate)

    def _ratio(self, old: Session, new: Session, candidate: Candidate) -> float | None:
        values: list[float] = []
        for session in (old, new):
            artifact = self.ledger.artifact(session.planned.candidate.artifact_sha256)
            assert artifact is not None, "recorded before it was run"
            side = Side(candidate.label, session.planned.candidate, artifact, (session,))
            found = values_of(runs_of(side, with_suspect=True).good, self.metric)
            if isinstance(found, str) or not found:
                return None
            values += found.values()
        return math.log(values[1] / values[0])

    def _known_pairs(self, study_id: str) -> dict[int, list[float]]:
        """Of an earlier call, in the order in which they were measured. A pair of which only a half was run is left:
        the other half would be of another hour.
        """
        old_key = self._made[0][1].key
        by_block: dict[int, dict[bool, Session]] = {}
        for session in self.ledger.sessions(study_id):
            by_block.setdefault(session.planned.block, {})[session.planned.candidate.key == old_key] = session
        pairs: dict[int, list[float]] = {}
        for block, both in sorted(by_block.items()):
            version, number = divmod(block, VERIFY_BLOCK)
            self._runs[version] = max(self._runs.get(version, 0), number + 1)
            if len(both) < 2:
                continue
            value = self._ratio(both[True], both[False], both[False].planned.candidate)
            if value is not None:
                pairs.setdefault(version, []).append(value)
        return pairs


def like(candidate: Candidate, artifact: Artifact, environment: str | None) -> Candidate:
    """The same choice of everything but what is looked for."""
    return replace(candidate, artifact_sha256=artifact.sha256, environment=environment)
