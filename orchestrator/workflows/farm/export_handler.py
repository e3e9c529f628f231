"""Export jobs at a host that has the exporters: unpack, export, prove, put the files into the store."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.job import JobState, Outcome
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import LedgerError
from orchestrator.ledger.job_turns import give_back
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.ledger.store.base import Store
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.train.tuned import WEIGHTS
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import Depot, open_parcel
from orchestrator.workflows.farm.export import Exported, ExportWork, export_work, told_of
from orchestrator.workflows.farm.learn import learn_work, learned_of
from orchestrator.workflows.farm.learn_handler import learn_here
from orchestrator.workflows.prepare import Prepared, calibration_of

_LOOK_S = 0.2
# The beginnings of what is told of this host, not of the recipe: another host, or another time, may do it.
_OF_THIS_HOST = ("the exporting process", "cannot run an exporting process", "the store at")
_INSTALL = "pip install"


@dataclass
class ExportHandler:
    """``farm``: the ledger that jobs are claimed from; artifacts are recorded there. ``at_once``: however many queues
    are served, so many exports run.

    An exporter's refusal is an answer: the job is done, and whoever needs it reads why there is no artifact. What this
    host could not do is a failure.
    """

    farm: Ledger
    store: Store
    depot: Depot
    at_once: int = 1
    _turns: threading.Semaphore = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: tuple[str, Prepared] | None = None

    def __post_init__(self) -> None:
        self._turns = threading.Semaphore(self.at_once)

    def __call__(self, begun: JobState, stop: Stop) -> Outcome:
        while not self._turns.acquire(timeout=_LOOK_S):
            if stop.asked:
                return self._ended(begun, stop)
        try:
            return self._export(begun, stop)
        finally:
            self._turns.release()

    def _export(self, begun: JobState, stop: Stop) -> Outcome:
        from orchestrator.make.export.parallel import export_all

        learning = learn_work(begun.job)
        if learning is not None:
            self._opened(learning.parcel)
            learned = learn_here(self.depot, self.store, learning, lambda: stop.asked)
            return learned or self._ended(begun, stop)
        work = export_work(begun.job)
        prepared, recipe = self._with_weights(work, self._opened(work.parcel))
        calibration, artifacts = calibration_of(prepared), self.depot.artifacts
        [outcome] = export_all(prepared.source, [recipe], artifacts, calibration, stopped=lambda: stop.asked)
        if isinstance(outcome, Artifact):
            return self._kept(outcome)
        return self._ended(begun, stop) if stop.asked else self._refused(prepared, outcome)

    def _opened(self, parcel: str) -> Prepared:
        # One at a time, and the last one stays: recipes of one model follow each other.
        with self._lock:
            if self._last is None or self._last[0] != parcel:
                self._last = (parcel, open_parcel(self.depot, parcel))
            return self._last[1]

    def _with_weights(self, work: ExportWork, prepared: Prepared) -> tuple[Prepared, Recipe]:
        """Of weights that were learned as a job, the recipe names them from here on."""
        recipe = Recipe.parse(work.recipe)
        if work.learned is None:
            return prepared, recipe
        [made] = jobs(self.farm, job_ids=[work.learned])
        learned = learned_of(made)
        path = self.depot.folder / "trained" / work.parcel / learned.file
        self.depot.cache.place(learned.sha256, path)
        source = replace(prepared.source, tuned={**prepared.source.tuned, learned.weights: path})
        return replace(prepared, source=source), recipe.with_options(**{WEIGHTS: learned.weights})

    def _kept(self, artifact: Artifact) -> Outcome:
        for part in artifact.files.values():
            self.store.put(part.path)
        self.farm.record_artifact(artifact)
        return Outcome(told_of(artifact).as_result())

    def _refused(self, prepared: Prepared, refusal: ExportRefusal) -> Outcome:
        from orchestrator.make.export.known import KnownArtifacts

        reason, hint = refusal.reason, refusal.hint
        if reason.startswith(_OF_THIS_HOST):
            return Outcome(reason=reason, again=True)
        if hint is not None and hint.startswith(_INSTALL):
            return Outcome(reason=f"this host cannot make it: {reason} ({hint})")
        tools = KnownArtifacts(prepared.source, self.depot.artifacts, None).tools(refusal.recipe)
        return Outcome(Exported(refused=reason, hint=hint, tools=tools).as_result())

    def _ended(self, begun: JobState, stop: Stop) -> Outcome:
        """Of a job that was cancelled; or of one whose worker ends: given back, as if it had not been begun."""
        if stop.job.is_set():
            return Outcome(reason="cancelled while it ran")
        with suppress(LedgerError):
            give_back(self.farm, begun)
        return Outcome(reason="its worker ended", again=True)
