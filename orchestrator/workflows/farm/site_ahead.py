"""What jobs of a site's snapshot will need is fetched while the farm is there: a store may be away with it."""

from dataclasses import dataclass, field

from orchestrator.domain.job import DONE, EXPORT, OPEN, TUNE, JobState
from orchestrator.errors import BadInput, BadModel, ExportFailed, StoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.workflows.farm.depot import Depot, read_parcel
from orchestrator.workflows.farm.export import artifact_at, export_work
from orchestrator.workflows.farm.tune import tune_work


@dataclass
class Ahead:
    """``site``: the ledger with the snapshot. What was fetched once is not looked at again."""

    site: Ledger
    _seen: set[str] = field(default_factory=set)

    def fetch(self, depot: Depot) -> int:
        """Of how many jobs the files are here now. Raises StoreError where one lacks some; the others have theirs."""
        made = [state for state in jobs(self.site, states=(DONE,)) if state.job.kind == EXPORT]
        tunes = [state for state in jobs(self.site, states=OPEN) if state.job.kind == TUNE]
        new = [state for state in (*made, *tunes) if state.job.job_id not in self._seen]
        failure: StoreError | None = None
        for state in new:
            try:
                _fetch(depot, state)
            except StoreError as exc:
                failure = exc
            else:
                self._seen.add(state.job.job_id)
        if failure is not None:
            raise failure
        return len(new)


def _fetch(depot: Depot, state: JobState) -> None:
    try:
        if state.job.kind == TUNE:
            _fetch_parcel(depot, tune_work(state.job).parcel)
        else:
            artifact_at(depot, state)
            _fetch_parcel(depot, export_work(state.job).parcel)
    except (BadInput, BadModel, ExportFailed):
        # Whoever does the job is told why.
        return


def _fetch_parcel(depot: Depot, sha256: str) -> None:
    for file in read_parcel(depot, sha256).files.values():
        depot.cache.path(file.sha256)
