"""Gates in order of cost: who did not pass a cheap one costs no session of a dearer one.

Parity of the artifact is known from the export. Then placement and, where scoring is cheaper than a timed session,
quality are asked before a candidate's first look; else quality is asked of those that may still be the best.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.decide.search.question import Run
from orchestrator.decide.selection.closed import closed
from orchestrator.decide.selection.evidence import family
from orchestrator.decide.selection.gates import Rejection
from orchestrator.decide.selection.screening import misplaced
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from orchestrator.workflows.prepare import Prepared
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner

Asked = Callable[[Sequence[Session] | None], dict[str, Any]]


class Gatekeeper:
    """``asked``: the arguments of a decision on these sessions; on all that the ledger has, for None. ``default`` is
    held to no gate here: all are compared with it. ``refused``: key of each candidate that a gate stopped -> gate and
    reason. ``spent_s``: device time of what candidates did pass; that of the others is in the run in their place.
    """

    def __init__(self, prepared: Prepared, asked: Asked, default: Candidate | None) -> None:
        self._prepared, self._asked, self._default = prepared, asked, default
        self.quality_first = False
        self.refused: dict[str, str] = {}
        self.spent_s = 0.0
        self._stopped: dict[tuple[object, ...], str | None] = {}
        self._scored: set[tuple[object, ...]] = set()
        self._alone = threading.Lock()

    def before(self, runner: SessionRunner, candidate: Candidate) -> Run | None:
        """The gates before its first timed session; a run in its place where one stops it."""
        kind = family(candidate)
        with self._alone:
            fresh = kind not in self._stopped
            if fresh:
                self._stopped[kind] = None
        taken_s = self._first_of(runner, candidate) if fresh else 0.0
        reason = self._stopped[kind]
        if reason is None or candidate.key in self._spared():
            self.spent_s += taken_s
            return None
        self.refused[candidate.key] = reason
        return Run(candidate.key, "fallback", 0.0, taken_s, {})

    def score(self, runner: SessionRunner, candidate: Candidate) -> Session:
        """Its evaluation, which counts for all that differ from it in threads and CPUs only."""
        self._scored.add(family(candidate))
        session = score_candidate(runner, self._prepared, candidate, "test", block=0)
        self.spent_s += session.duration_s
        return session

    def ask_quality(self, runner: SessionRunner, candidates: Sequence[Candidate]) -> bool:
        """Those of them that nobody has scored are; True where that stopped one of them."""
        for candidate in candidates:
            if family(candidate) not in self._scored:
                self.score(runner, candidate)
        return self.close(candidates)

    def close(self, candidates: Sequence[Candidate]) -> bool:
        """Who of them has a gate closed by now is refused; True where there is one."""
        found = self._closed(None)
        new = {c.key for c in candidates} & found.keys() - self._spared()
        for key in new:
            self.refused[key] = f"{found[key].gate}: {found[key].reason}"
        return bool(new)

    def _first_of(self, runner: SessionRunner, candidate: Candidate) -> float:
        """Placement and, where it is the cheaper gate, quality, for all candidates of the family; seconds it took."""
        kind = family(candidate)
        (session,) = runner.run_all([runner.plan(candidate, "placement")])
        self._stopped[kind] = self._misplaced(session)
        taken_s = session.duration_s
        if self._stopped[kind] is None and self.quality_first and kind not in self._scored:
            self.score(runner, candidate)
            if self.close([candidate]):
                self._stopped[kind] = self.refused[candidate.key]
        return taken_s

    def _misplaced(self, session: Session) -> str | None:
        """From this session alone: what it is compared with lies within it."""
        key = session.planned.candidate.key
        if key not in misplaced(**self._asked([session])):
            return None
        found = self._closed([session])
        return f"{found[key].gate}: {found[key].reason}" if key in found else "placement: it did not run there"

    def _closed(self, sessions: Sequence[Session] | None) -> dict[str, Rejection]:
        asked = self._asked(sessions)
        names = ("sessions", "artifacts", "scores", "constraints", "policy")
        return closed(**{name: asked[name] for name in names})

    def _spared(self) -> set[str]:
        return set() if self._default is None else {self._default.key}
