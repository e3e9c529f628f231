"""What a search for the number of concurrent streams is asked."""

import math
from dataclasses import dataclass

from agents import wire
from orchestrator.decide.capacity.verdict import DEFAULT_BUDGET, DEFAULT_MOST_RUNS, LEAST_RUNS
from orchestrator.errors import BadInput

DEFAULT_MOST_STREAMS = 128


@dataclass(frozen=True)
class StreamsWanted:
    """``budget``: the share of chunks that may miss their deadline. ``most_streams``: none is tried beyond.
    ``most_runs``: so many at one number of streams before it stays doubtful. ``sharing``: one of
    ``agents.wire.SHARINGS``. ``seed``: of the phases of the streams. Raises BadInput.
    """

    budget: float = DEFAULT_BUDGET
    most_streams: int = DEFAULT_MOST_STREAMS
    most_runs: int = DEFAULT_MOST_RUNS
    sharing: str = wire.PROCESSES
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.budget) and 0.0 < self.budget < 1.0):
            raise BadInput(
                f"the miss budget must lie between 0 and 100 %, got {100 * self.budget:.3g} %", hint="--miss-budget 1%"
            )
        if self.most_streams < 1:
            raise BadInput(f"max streams must be >= 1, got {self.most_streams}")
        if self.most_runs < LEAST_RUNS:
            raise BadInput(f"max runs must be >= {LEAST_RUNS}, got {self.most_runs}: one run has no interval")
        if self.sharing not in wire.SHARINGS:
            raise BadInput(f"sharing must be one of {', '.join(wire.SHARINGS)}, got {self.sharing!r}")
