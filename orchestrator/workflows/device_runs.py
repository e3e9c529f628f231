"""A device behind ask and tell: blocks of sessions on its units, each session told to the search as a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.decide.search.question import Run
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import VERIFY_BLOCK, PlannedSession, Session
from orchestrator.workflows.run_figures import Reading
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.units import Units

# A failed session runs once more, and a suspect one of those.
_ATTEMPTS = 3

# Before its first session of a mode: None where it may run, else the run in its place.
Before = Callable[[SessionRunner, Candidate], Run | None]


@dataclass
class DeviceRuns:
    """Sessions of one mode, ``seconds`` of audio each, in blocks that are numbered on from ``block``.

    What the ledger has is taken from there, so that a search which asks the same things gets the same answers, at once.
    """

    units: Units
    reading: Reading
    seconds: float
    block: int
    before: Before | None = None
    # Device time used so far, by unit: when a run happened, for the drift of its device.
    clock_s: dict[str, float] = field(default_factory=dict)

    @property
    def spent_s(self) -> float:
        """Device time of all units."""
        return sum(self.clock_s.values())

    def run_blocks(self, blocks: Sequence[Sequence[Candidate]]) -> list[Run]:
        """Each block whole on a unit of its own, the units side by side; no more blocks than there are units."""
        numbered = list(enumerate(blocks, self.block))
        self.block += len(numbered)
        done = self.units.share(numbered, lambda runner, part: self._block(runner, *part))
        return [run for runs in done.values() for run in runs]

    def look(self, candidates: Sequence[Candidate]) -> list[Run]:
        """A first look at one candidate on each unit. All looks on a unit are one block, the first one of its own."""
        done = self.units.share(
            list(candidates), lambda runner, one: self._one(runner, one, self.units.number(runner), 0)
        )
        return list(done.values())

    def look_on_each(self, candidate: Candidate) -> list[Run]:
        """The same candidate on every unit: what the others on it are compared with."""
        done = self.units.each(lambda runner: self._one(runner, candidate, self.units.number(runner), 0))
        return list(done.values())

    def recorded(self, candidates: Mapping[str, Candidate]) -> list[Run]:
        """All runs of this mode that the ledger has, in their order, for a strategy that asks for nothing twice. Blocks
        are numbered on from theirs.
        """
        runs = []
        for runner in self.units.runners:
            for session in runner.ledger.sessions(runner.study.study_id, mode=self.reading.mode):
                planned = session.planned
                mine = planned.device == runner.environment.device and planned.block < VERIFY_BLOCK
                if mine and planned.candidate.key in candidates:
                    runs.append(self._timed(runner, self._run(runner, session, session.duration_s)))
                    self.block = max(self.block, planned.block + 1)
        return runs

    def _block(self, runner: SessionRunner, block: int, candidates: Sequence[Candidate]) -> list[Run]:
        return [self._one(runner, candidate, block, i) for i, candidate in enumerate(candidates)]

    def _one(self, runner: SessionRunner, candidate: Candidate, block: int, position: int) -> Run:
        stopped = self.before(runner, candidate) if self.before else None
        if stopped is not None:
            return self._timed(runner, stopped)
        planned = runner.plan(candidate, self.reading.mode, seconds=self.seconds, block=block, position=position)
        (session,) = runner.run_all([planned])
        return self._timed(runner, self._run(runner, session, _taken_s(runner, planned)))

    def _run(self, runner: SessionRunner, session: Session, taken_s: float) -> Run:
        candidate = session.planned.candidate
        artifact = runner.artifacts[candidate.artifact_sha256]
        outcome = self.reading.outcome(session, artifact.contract.sample_rate_hz)
        figures = self.reading.figures(session, artifact) if outcome == "ok" else {}
        return Run(candidate.key, outcome, 0.0, taken_s, figures, run_id=session.session_id)

    def _timed(self, runner: SessionRunner, run: Run) -> Run:
        place = runner.environment.device
        begun_s = self.clock_s.get(place, 0.0)
        self.clock_s[place] = begun_s + run.duration_s
        return replace(run, at_s=begun_s + run.duration_s / 2, place=place)


def _taken_s(runner: SessionRunner, planned: PlannedSession) -> float:
    """Device time of all attempts."""
    ids = (replace(planned, attempt=attempt).session_id for attempt in range(_ATTEMPTS))
    found = (runner.ledger.session(session_id, with_arrays=False) for session_id in ids)
    return sum(session.duration_s for session in found if session is not None)
