"""What a site's session jobs need of models: unpacked and made ready once, kept for as long as the worker lives."""

import threading
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.job import JobState
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.farm.depot import Depot, ready_from_parcel
from orchestrator.workflows.farm.export import artifact_at, export_work
from orchestrator.workflows.night_material import Ready


class Materials:
    """``ledger``: the site's, which artifacts are recorded in; ``scratch``: of this process."""

    def __init__(self, scratch: Path, ledger: Ledger) -> None:
        self._scratch, self._ledger = scratch, ledger
        self._ready: dict[str, Ready] = {}
        self._lock = threading.Lock()

    def get(self, depot: Depot, made: JobState) -> tuple[Ready, Artifact]:
        """What ``made``, an export that is done, left: the model with its audio, and the artifact.

        Raises ExportFailed where the export was refused, StoreError where a file cannot be had.
        """
        parcel = export_work(made.job).parcel
        with self._lock:
            if parcel not in self._ready:
                self._ready[parcel] = ready_from_parcel(depot, parcel, self._scratch)
            ready = self._ready[parcel]
            artifact = artifact_at(depot, made)
            if ready.artifacts.get(artifact.recipe) != artifact:
                self._ledger.record_artifact(artifact)
                ready.artifacts[artifact.recipe] = artifact
            return ready, artifact
