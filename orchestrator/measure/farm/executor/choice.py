"""Which executor a ledger has."""

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Executor, Pace
from orchestrator.measure.farm.executor.in_process import InProcess


def executor_of(ledger: Ledger, pace: Pace | None = None) -> Executor:
    """A file's is in this process, a PostgreSQL's are workers that Procrastinate wakes. Raises LedgerError."""
    if ledger.place.file:
        return InProcess(ledger, pace)
    from orchestrator.measure.farm.executor.procrastinate import Procrastinate

    return Procrastinate(ledger, pace)
