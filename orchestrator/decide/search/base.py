"""The contract of a search strategy: ask for a block of runs, tell what they said, and in the end the finding."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import Finding, Run

RunCandidate = Callable[[str], Run]


class Journal(Protocol):
    """Where a strategy that remembers keeps what it does: a list that only grows, of plain JSON objects."""

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]: ...

    def append_logs(self, logs: list[dict[str, Any]]) -> None: ...


class Strategy(Protocol):
    """``ahead``: it can be asked for another block, for a second unit, before it was told of the last one.
    ``remembers``: after an interruption it goes on from its own store and from the runs that it is told unasked; the
    others ask for the same again, and are told the same.
    """

    ahead: bool
    remembers: bool

    def ask(self, purse: Purse) -> list[str]:
        """The next block of candidates, in the order to run them; empty where the search is done."""
        ...

    def tell(self, run: Run) -> None: ...

    def finding(self) -> Finding:
        """What can be said now; the search may go on after it."""
        ...


@runtime_checkable
class Fronted(Protocol):
    """A strategy that trades several metrics against each other. ``front``: names that none is better than in all."""

    @property
    def front(self) -> list[str]: ...


def search(strategy: Strategy, run: RunCandidate, purse: Purse) -> Finding:
    """Ask and tell until the strategy is done or the purse is empty."""
    while block := strategy.ask(purse):
        for name in block:
            if not purse.affords(name):
                return strategy.finding()
            found = run(name)
            purse.spend(found)
            strategy.tell(found)
    return strategy.finding()
