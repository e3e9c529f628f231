"""``earshot cancel``: orders and jobs taken back; what another order needs goes on."""

from collections.abc import Sequence

from orchestrator.domain.job import CANCELLED, OPEN, RUNNING
from orchestrator.errors import BadInput, EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import needed_elsewhere
from orchestrator.ledger.orders import cancel as cancel_jobs
from orchestrator.ledger.orders import jobs, orders
from orchestrator.workflows.farm.queue import order_named

# What became of a job that was asked to be taken back.
ENDING, NEEDED, OVER = "ending", "needed", "over"


def cancel(farm: Ledger, names: Sequence[str], user: str) -> dict[str, str]:
    """Job -> cancelled; ending: it runs, and its worker was asked to let it go; needed: by another order; over: it had
    ended before. Raises BadInput, before anything is cancelled, for a name that is neither an order's nor a job's.
    """
    known = orders(farm)
    wanted: dict[str, str] = {}
    for name in names:
        found = jobs(farm, job_ids=[name])
        if found:
            wanted[name] = found[0].state
            continue
        try:
            order = order_named(known, name)
        except EarshotError as exc:
            raise BadInput(f"{name!r} is neither an order nor a job: {exc.message}", hint=exc.hint) from exc
        needed = needed_elsewhere(farm, order.order_id)
        for state in jobs(farm, order_id=order.order_id):
            wanted[state.job.job_id] = NEEDED if state.job.job_id in needed and not state.ended else state.state
    takes = [job_id for job_id, state in wanted.items() if state in OPEN]
    told = cancel_jobs(farm, takes, f"cancelled by {user}")
    states = {RUNNING: ENDING, CANCELLED: CANCELLED}
    return {
        job_id: states.get(told.get(job_id, ""), NEEDED if state == NEEDED else OVER)
        for job_id, state in wanted.items()
    }
