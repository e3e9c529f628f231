"""What a site's jobs need of models: read, exported and made ready once, then kept for as long as the worker lives."""

import threading
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.job import JobState, Outcome
from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.night_material import Ready, ready_to_stream
from orchestrator.workflows.prepare import prepare_model
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.run_work import exported_one


class Materials:
    """``folder``: of this site, with its models/ and artifacts/; ``scratch``: of this process."""

    def __init__(self, folder: Path, scratch: Path, ledger: Ledger) -> None:
        self._folder, self._scratch, self._ledger = folder, scratch, ledger
        self._ready: dict[str, Ready] = {}
        self._lock = threading.Lock()

    def ready(self, model: str, made: JobState) -> Ready:
        """The model with its audio. ``made``: the export that the session needs."""
        with self._lock:
            if model not in self._ready:
                self._ready[model] = ready_to_stream(prepare_model(model, self._folder / "models"), self._scratch)
            return self._ready[model]

    def artifact(self, ready: Ready, recipe: Recipe, made: JobState) -> Artifact:
        """In the site's ledger. Raises ExportFailed where it was refused."""
        with self._lock:
            if recipe not in ready.artifacts:
                artifact = exported_one(ready.prepared, recipe, self._folder, Silent())
                self._ledger.record_artifact(artifact)
                ready.artifacts[recipe] = artifact
            return ready.artifacts[recipe]

    def export(self, begun: JobState, stop: Stop) -> Outcome:
        """The handler of export jobs."""
        payload = begun.job.payload
        ready = self.ready(str(payload["model"]), begun)
        artifact = self.artifact(ready, Recipe.parse(str(payload["recipe"])), begun)
        return Outcome({"sha256": artifact.sha256})
