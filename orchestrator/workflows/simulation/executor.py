"""The executor of a simulated farm: the one that its ledger has, or another that it can have."""

from orchestrator.errors import BadInput
from orchestrator.ledger.job_turns import PAUSE_S
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Executor, Pace
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.farm.executor.in_process import InProcess

IN_PROCESS, PROCRASTINATE = "in-process", "procrastinate"
EXECUTORS = (IN_PROCESS, PROCRASTINATE)


def executor_named(name: str | None, farm: Ledger, speed: float) -> Executor:
    """None: as ``earshot worker`` has it. What is tried again waits ``speed`` times shorter, as its devices are away.

    Raises BadInput for one that this ledger cannot have, LedgerError.
    """
    pace = Pace(again_s=PAUSE_S / speed)
    if name == IN_PROCESS:
        return InProcess(farm, pace)
    if name == PROCRASTINATE and farm.place.file is not None:
        raise BadInput("Procrastinate needs a PostgreSQL", hint="--ledger 'postgresql://...', or --executor in-process")
    return executor_of(farm, pace)
