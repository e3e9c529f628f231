"""A twin as a worker meets it: it runs one session at a time under the newest lease, and it may be away."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.session import PlannedSession, Session
from orchestrator.errors import LeaseLost, Unreachable
from orchestrator.measure.farm.twins import nouns
from orchestrator.measure.farm.twins.body import Faults, generator, twin
from orchestrator.measure.farm.twins.journal import Cut, Journal, Run
from orchestrator.measure.farm.twins.stream import Streamed, Workload, streamed

# How long somebody who wants in waits for a device that is away.
_CONNECT_S = 10.0
FAILURE = "the twin failed, as its share of sessions does"
# Waits so long, unless whoever waits is asked to end: then True.
Wait = Callable[[float], bool]


@dataclass(frozen=True)
class World:
    """What all twins of a simulation share. ``folder``: of their journals. ``speed``: how many of their seconds pass in
    one of ours.
    """

    folder: Path
    seed: int
    speed: float
    faults: Faults

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError(f"speed must be > 0, got {self.speed}")

    def journal_of(self, device: str) -> Path:
        return self.folder / f"{device}.jsonl"


class TwinDevice:
    """Used by one thread at a time."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._twin = twin(name, world.seed)
        self._journal = Journal(world.journal_of(name))
        self.environment = nouns.environment(self._twin)

    def run(self, planned: PlannedSession, work: Workload, token: int, wait: Wait) -> Session | None:
        """The session, as its agent would answer: begun now, or found as it was begun before. None: ``wait`` ended it
        for us; on the twin it goes on.

        Raises Unreachable where the way is lost, LeaseLost under another than the newest lease.
        """
        run = self._begun(planned, work, token)
        if run is None:
            if wait(_CONNECT_S / self._world.speed):
                return None
            raise Unreachable(f"{self._twin.name} does not answer")
        lost_s, now_s = run.lost_s, time.monotonic()
        losing = lost_s is not None and now_s < lost_s
        if wait(max(0.0, (lost_s if losing and lost_s is not None else run.end_s) - now_s)):
            return None
        if losing:
            raise Unreachable(f"the way to {self._twin.name} was lost during session {planned.session_id}")
        return self._answer(planned, work, run)

    def _begun(self, planned: PlannedSession, work: Workload, token: int) -> Run | None:
        """None: the device is away."""
        with self._journal.opened() as journal:
            now_s = time.monotonic()
            if journal.runs and journal.runs[-1].away_at(now_s):
                return None
            if token < journal.newest_token:
                raise LeaseLost(f"{self._twin.name} knows of a newer lease than {token}: {journal.newest_token}")
            whole = (run for run in journal.runs if run.session_id == planned.session_id and run.cut_s is None)
            known = next(whole, None)
            if known is not None:
                return known
            if journal.runs and journal.runs[-1].until_s > now_s:
                journal.append(Cut(now_s))
            run = self._new(planned, work, token, now_s)
            journal.append(run)
            return run

    def _new(self, planned: PlannedSession, work: Workload, token: int, now_s: float) -> Run:
        from_c = self._warmth_c(now_s)
        found = self._streamed(planned, work, from_c)
        duration_s = found.duration_s / self._world.speed
        run = Run(planned.session_id, token, now_s, now_s + duration_s, from_c, found.after_c)
        rng = generator(self._world.seed, "lost", planned.session_id)
        if rng.random() >= self._world.faults.vanishing:
            return run
        lost_s = now_s + duration_s * float(rng.random())
        away_s = float(rng.uniform(*self._world.faults.away_s)) / self._world.speed
        # Whoever comes back finds the session ended: no other one meets it.
        return replace(run, lost_s=lost_s, back_s=max(run.end_s, lost_s + away_s))

    def _warmth_c(self, now_s: float) -> float:
        """It cools from where its last session left it; it idled all day before the first one."""
        idle_w = self._twin.kind.idle_w
        if not self._journal.runs:
            return self._twin.steady_c(idle_w)
        last = self._journal.runs[-1]
        rested_s = max(0.0, now_s - last.until_s) * self._world.speed
        return self._twin.after_c(last.to_c, idle_w, rested_s)

    def _streamed(self, planned: PlannedSession, work: Workload, from_c: float) -> Streamed:
        return streamed(self._twin, work, from_c, generator(self._world.seed, planned.session_id))

    def _answer(self, planned: PlannedSession, work: Workload, run: Run) -> Session:
        found = self._streamed(planned, work, run.from_c)
        fails = generator(self._world.seed, "fails", planned.session_id).random() < self._world.faults.failing
        began_utc_s = time.time() - (time.monotonic() - run.begin_s)
        return nouns.session(planned, self.environment, began_utc_s, found, FAILURE if fails else None)
