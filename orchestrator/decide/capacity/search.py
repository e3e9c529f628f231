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


# A number of streams, and the runs after which it is enough although it is still doubtful.
_Step = tuple[int, int]


@dataclass
class StreamsSearch:
    """``ask`` for the next number of streams to run, ``tell`` what the run said. The same answers give the same asks.

    On the way each number has few runs, and where they stay doubtful their mean decides; the two numbers that it ends
    between have as many as they need, up to the question's. Where that turns one of them round, it goes on from there.

    That more streams miss no less is assumed while searching, and looked at in the end: one stream less than what is
    held is tried too, and every contradiction among all that was tried is told.

    ``most``: the question's, or fewer where one stream shows that the device cannot have so many.
    """

    question: StreamsQuestion
    most: int = 0
    _runs: dict[int, list[StreamsRun]] = field(default_factory=dict)
    _order: "Generator[_Step, None, None] | None" = None
    _now: _Step | None = None

    def __post_init__(self) -> None:
        self.most = self.question.most_streams
        self._order = self._steps()
        self._now = next(self._order)

    def ask(self) -> int | None:
        """None: it is found."""
        return None if self._now is None else self._now[0]

    def runs_of(self, streams: int) -> int:
        return len(self._runs.get(streams, ()))

    def tell(self, run: StreamsRun) -> None:
        """Raises ValueError for another number of streams than was asked for."""
        if self._now is None or run.streams != self._now[0] or self._order is None:
            raise ValueError(f"a run with {self.ask()} streams was asked for, got one with {run.streams}")
        self._runs.setdefault(run.streams, []).append(run)
        if self._is_enough(*self._now):
            self._now = next(self._order, None)

    def tried_of(self, streams: int) -> StreamsTried:
        return judge_streams(streams, self._runs.get(streams, ()), self.question.budget, self.question.most_runs)

    @property
    def tried(self) -> tuple[StreamsTried, ...]:
        """By the number of streams."""
        return tuple(self.tried_of(streams) for streams in sorted(self._runs))

    def _is_enough(self, streams: int, runs: int) -> bool:
        return self.tried_of(streams).verdict != DOUBTFUL or self.runs_of(streams) >= runs

    def _passes(self, streams: int) -> bool:
        return passes(self.tried_of(streams), self.question.budget)

    def _run(self, streams: int, runs: int) -> Generator[_Step, None, bool]:
        """Whether it passes, after the runs that it still needs."""
        if not self._is_enough(streams, runs):
            yield streams, runs
        return self._passes(streams)

    def _steps(self) -> Generator[_Step, None, None]:
        sure = self.question.most_runs
        if not (yield from self._run(1, LEAST_RUNS)) and not (yield from self._run(1, sure)):
            return
        low, high = yield from self._between(1, self.most + 1)
        while True:
            if not (yield from self._run(low, sure)):
                low, high = yield from self._between(self._passed_below(low), low)
            elif high <= self.most and (yield from self._run(high, sure)):
                low, high = yield from self._between(high, self._failed_above(high))
            else:
                break
            if low == 0:
                return
        if low > 1 and not (yield from self._run(low - 1, LEAST_RUNS)):
            yield from self._run(low - 1, sure)

    def _between(self, low: int, high: int) -> Generator[_Step, None, tuple[int, int]]:
        """Two neighbours of which the lower passed and the higher did not, or is beyond the most."""
        n = min(high - 1, max(low + 1, self._guess()))
        step = max(1, n // _FIRST_STEP)
        passed_once = failed_once = False
        while high - low > 1:
            if (yield from self._run(n, LEAST_RUNS)):
                low, passed_once = n, True
            else:
                high, failed_once = n, True
            if passed_once and failed_once:
                n = (low + high) // 2
            else:
                n = min(n + step, high - 1) if passed_once else max(n - step, low + 1)
                step *= 2
        return low, high

    def _passed_below(self, streams: int) -> int:
        return max((n for n in self._runs if n < streams and self._passes(n)), default=0)

    def _failed_above(self, streams: int) -> int:
        return min((n for n in self._runs if n > streams and not self._passes(n)), default=self.most + 1)

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
    passed = [one.streams for one in tried if passes(one, budget) and (high is None or one.streams <= high)]
    beyond = [n for n in held if high is not None and n > high]
    told = tuple(f"{min(failed)} streams failed, but {n} were held" for n in beyond)
    return Bounds(max([low, *passed]), low, high, told)
