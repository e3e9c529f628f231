"""Work that is named by what it is: done once in the whole farm, and anew where what it left will not do any more."""

from collections.abc import Callable

from orchestrator.domain.job import DONE, JobState
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs


def newest_edition(ledger: Ledger, name: str, stands: Callable[[JobState], bool]) -> tuple[str, int]:
    """Id of the job that ``name`` means now, and how often it was asked for anew.

    ``stands``: whether what a done one left will do. Where two ask at the same time, both get the same.
    """
    edition, newest = 0, None
    while found := jobs(ledger, job_ids=[_id(name, edition)]):
        newest = found[0]
        if newest.state != DONE:
            return newest.job.job_id, edition
        edition += 1
    if newest is not None and stands(newest):
        edition -= 1
    return _id(name, edition), edition


def _id(name: str, edition: int) -> str:
    return f"{name}-{edition}" if edition else name
