"""The largest number of streams that is held, by few sessions: a first guess, steps that double, then bisection."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from orchestrator.decide.capacity.verdict import DEFAULT_BUDGET, DEFAULT_MOST_RUNS, LEAST_RUNS, judge_streams, passes
from orchestrator.domain.streams_held import DOUBTFUL, FAILS, HOLDS, StreamsRun, StreamsTried

# The first step from the guess, as a part of it.
_FIRST_STEP = 16


@dataclass(frozen=True)
class StreamsQuestion:
    """``servers``: how many can serve at once, cores or 1; only the first guess depends on it. Raises ValueError."""

    most_streams: int
    servers: float = 1.0
    budget: float = DEFAULT_BUDGET
    most_runs: int = DEFAULT_MOST_RUNS

    def __post_init__(self) -> None:
        if self.most_streams < 1 or self.most_runs < LEAST_RUNS:
            raise ValueError(f"at least 1 stream and {LEAST_RUNS} runs, got {self.most_streams} and {self.most_runs}")
        if not 0.0 < self.budget < 1.0:
            raise ValueError(f"the miss budget is a share between 0 and 1, got {self.budget}")


@dataclass
class StreamsSearch:
    """``ask`` for the next number of streams to run, ``tell`` what the run said. The same answers give the same asks.

    That more streams miss no less is assumed while searching, and looked at in the end: one stream less than what is
    held is tried too, and every contradiction among all that was tried is told.

    ``most``: the question's, or fewer where one stream shows that the device cannot have so many.
    """

    question: StreamsQuestion
    most: int = 0
    _runs: dict[int, list[StreamsRun]] = field(default_factory=dict)
    _order: "Generator[int, bool, None] | None" = None
    _now: int | None = None

    def __post_init__(self) -> None:
        self.most = self.question.most_streams
        self._order = self._numbers()
        self._now = next(self._order)

    def ask(self) -> int | None:
        """None: it is found."""
        return self._now

    def runs_of(self, streams: int) -> int:
        return len(self._runs.get(streams, ()))

    def tell(self, run: StreamsRun) -> None:
        """Raises ValueError for another number of streams than was asked for."""
        if run.streams != self._now or self._order is None:
            raise ValueError(f"a run with {self._now} streams was asked for, got one with {run.streams}")
        self._runs.setdefault(run.streams, []).append(run)
        judged = self.tried_of(run.streams)
        if judged.verdict == DOUBTFUL and len(judged.runs) < self.question.most_runs:
            return
        try:
            self._now = self._order.send(passes(judged, self.question.budget))
        except StopIteration:
            self._now = None

    def tried_of(self, streams: int) -> StreamsTried:
        return judge_streams(streams, self._runs[streams], self.question.budget, self.question.most_runs)

    @property
    def tried(self) -> tuple[StreamsTried, ...]:
        """By the number of streams."""
        return tuple(self.tried_of(streams) for streams in sorted(self._runs))

    def _numbers(self) -> Generator[int, bool, None]:
        """Numbers of streams; each is sent back whether it passed."""
        if not (yield 1) or self.most == 1:
            return
        most = self.most
        low, high = 1, most + 1
        passed_once = failed_once = False
        n = min(most, max(2, self._guess()))
        step = max(1, n // _FIRST_STEP)
        while high - low > 1:
            if (yield n):
                low, passed_once = n, True
            else:
                high, failed_once = n, True
            if passed_once and failed_once:
                n = (low + high) // 2
            else:
                n = min(n + step, most) if passed_once else max(n - step, low + 1)
                step *= 2
        if low - 1 not in (0, *self._runs):
            yield low - 1

    def _guess(self) -> int:
        """From how busy one stream keeps one server."""
        busy = self._runs[1][0].busy_share
        return self.most if busy <= 0 else math.floor(self.question.servers / busy)


@dataclass(frozen=True)
class Bounds:
    """See ``StreamsHeld``."""

    value: int
    low: int
    high: int | None
    contradictions: tuple[str, ...]


def bounds(tried: Sequence[StreamsTried], budget: float) -> Bounds:
    """What follows from all that was tried, in the order of the numbers.

    Where fewer streams failed than held, the fewer count: a device that is said to hold n must hold what is below.
    """
    failed = [one.streams for one in tried if one.verdict == FAILS]
    held = [one.streams for one in tried if one.verdict == HOLDS]
    high = min(failed) - 1 if failed else None
    low = max((n for n in held if high is None or n <= high), default=0)
    short = min((one.streams for one in tried if not passes(one, budget)), default=math.inf)
    passed = [one.streams for one in tried if one.streams < short]
    beyond = [n for n in held if high is not None and n > high]
    told = tuple(f"{min(failed)} streams failed, but {n} were held" for n in beyond)
    return Bounds(max([low, *passed]), low, high, told)
