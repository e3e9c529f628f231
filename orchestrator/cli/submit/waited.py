"""An order waited for: how far it is on stderr, then what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.fleet import COLUMNS
from orchestrator.cli.output import number, print_table
from orchestrator.domain.job import DONE, ENDED, EXPORT, TUNE, JobState
from orchestrator.errors import DeviceError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import Counts
from orchestrator.ledger.orders import jobs

if TYPE_CHECKING:
    from orchestrator.workflows.farm.outcome import Measured
    from orchestrator.workflows.farm.submit import Submitted


@dataclass(frozen=True)
class Waited:
    order_id: str
    jobs: tuple[JobState, ...]
    measured: "tuple[Measured, ...]"

    def require_all_done(self) -> None:
        """Raises DeviceError."""
        lost = [state for state in self.jobs if state.state != DONE]
        if lost:
            raise DeviceError(
                f"{len(lost)} of {len(self.jobs)} jobs were not done, the first one because: "
                f"{lost[0].reason or lost[0].state}",
                hint=f"earshot queue --order {self.order_id} shows each with its reason",
            )


def waited(results: Path, submitted: "Submitted") -> Waited:
    """Ctrl-C ends the waiting, and the order goes on."""
    order_id = submitted.order.order_id
    others = sorted({job.job_id for job in submitted.jobs} - set(submitted.new))
    from orchestrator.workflows.farm.outcome import measured, wait_for

    with Ledger.open(results / "ledger.db", create=False) as farm:
        wait_for(farm, order_id, others, _Teller(), _say_away)
        own = (*jobs(farm, job_ids=others), *jobs(farm, order_id=order_id))
        return Waited(order_id, own, tuple(measured(farm, order_id)))


def _say_away(reason: str) -> None:
    click.echo(f"the farm's ledger is away: {reason}", err=True)


class _Teller:
    """A line whenever something of the order has ended."""

    def __init__(self) -> None:
        self._told = -1

    def __call__(self, counts: Counts) -> None:
        ended = sum(counts.get(state, 0) for state in ENDED)
        if ended != self._told:
            self._told = ended
            click.echo(f"{ended} of {sum(counts.values())} jobs have ended", err=True)


def show_outcome(outcome: Waited) -> None:
    if outcome.measured:
        click.echo()
        _print_measured(outcome.measured)
    made = [state for state in outcome.jobs if state.job.kind == EXPORT and state.state == DONE]
    if made and not outcome.measured:
        print_table(["recipe", "artifact", "MB>", "note"], [_made(state) for state in made])
    for state in outcome.jobs:
        if state.job.kind == TUNE and state.state == DONE:
            click.echo(f"\n{state.job.queue.partition('/')[2]}: {(state.result or {}).get('sentence')}")


def _made(state: JobState) -> list[str]:
    from orchestrator.workflows.farm.export import export_work, exported_of
    from orchestrator.workflows.farm.learn import learn_work, learned_of

    if learn_work(state.job) is not None:
        learned = learned_of(state)
        losses = f"loss {learned.first_loss:.3f} at first, {learned.last_loss:.3f} at last"
        return ["fine-tuned", f"weights={learned.weights}", "-", losses]
    exported = exported_of(state)
    if exported.record is None:
        return [export_work(state.job).recipe, "-", "-", f"refused: {exported.refused}"]
    return [exported.record.recipe, exported.record.sha256[:12], number(exported.record.size_bytes / 1e6), ""]


def _print_measured(found: "Sequence[Measured]") -> None:
    shown = {head: name for head, name in COLUMNS.items() if any(one.figures.get(name) for one in found)}
    scored = any(one.score for one in found)
    print_table(
        [
            "device",
            "configuration",
            "runs>",
            *(f"{head}>" for head in shown),
            *(["quality>"] if scored else []),
            "note",
        ],
        [
            [
                one.device,
                one.what,
                str(one.runs),
                *(_value(one.median(name)) for name in shown.values()),
                *([f"{one.score.metric} {number(one.score.value)}" if one.score else "-"] if scored else []),
                f"{len(one.reasons)} not done: {one.reasons[0]}" if one.reasons else "",
            ]
            for one in found
        ],
    )
    if any(one.runs > 1 for one in found):
        click.echo("\nmedians over the runs")


def _value(value: float | None) -> str:
    return "-" if value is None else number(value)


def outcome_as_json(outcome: Waited) -> dict[str, Any]:
    return {
        "configurations": [
            {
                "device": one.device,
                "configuration": one.what,
                "runs": one.runs,
                "figures": {name: one.median(name) for name in one.figures},
                "quality": {"metric": one.score.metric, "value": one.score.value} if one.score else None,
                "not_done": one.reasons,
            }
            for one in outcome.measured
        ],
        "results": {state.job.job_id: state.result for state in outcome.jobs},
        "states": {state.job.job_id: state.state for state in outcome.jobs},
    }
