"""The budget table of a cascade: each stage's share of what a listener waits, against what it was given.

An utterance's way from the end of its last word to the last token of its reply is the sum of its parts, exactly:
endpointing (until the chunk has come that ends it), the first stage (until that is heard), the text, the reply. A
stage's budget is held against its part; that of the first stage against each of its chunks, because every chunk may be
that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.cascade import Cascade
from orchestrator.domain.cascade_path import (
    CLOSED,
    CLOSING,
    FIRST_TOKEN,
    LAST_TOKEN,
    SPOKEN,
    TEXT,
    CascadeTimes,
    Int64,
    between,
)
from orchestrator.domain.latency_budget import in_ms
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.percentiles import percentiles

QUANTILES = (0.5, 0.95, 0.99)
MET, MISSED, DOUBTFUL, UNKNOWN = "met", "missed", "doubtful", "not estimable"
# Kinds of a row: what a stage's budget is about, all of them together, what a listener waits, and what explains it.
STAGE, SUM, END_TO_END, DETAIL = "stage", "sum", "end-to-end", "detail"
_NS_PER_MS = 1e6


@dataclass(frozen=True)
class BudgetRow:
    """``percentiles`` in ms, one for each of ``QUANTILES``, over ``n`` runs or utterances; ``verdicts`` say of each
    whether it keeps within ``budget_ms``: the whole interval below it is met, the whole above it missed. ``over``: how
    many of the n took longer. ``mean_ms`` None: n is 0.
    """

    kind: str
    stage: str
    part: str
    budget_ms: float | None
    n: int
    mean_ms: float | None
    percentiles: tuple[Interval, ...]
    over: int | None = None
    verdicts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str | None:
        """Of the whole row, by what is known: missed where any percentile is, met where one is and none is in doubt."""
        known = [verdict for verdict in self.verdicts if verdict != UNKNOWN]
        if not self.verdicts:
            return None
        return next((kind for kind in (MISSED, DOUBTFUL, MET) if kind in known), UNKNOWN)


def budget_table(cascade: Cascade, runs: Sequence[CascadeTimes]) -> tuple[BudgetRow, ...]:
    """Over all runs together. Neighbours within a run are alike, so that intervals describe and do not compare."""
    ways = np.concatenate([run.way_ns for run in runs])
    replies = len(cascade.stages) == 3
    rows = [*_first(cascade, runs), *_text(cascade, runs, ways), *(_reply(cascade, runs, ways) if replies else ())]
    last = LAST_TOKEN if replies else TEXT
    rows.append(row(SUM, "all stages", "utterance over -> answer", cascade.budget_ms, between(ways, CLOSING, last)))
    return (*rows, *_end_to_end(ways, replies))


def row(kind: str, stage: str, part: str, budget_ms: float | None, waits_ns: Int64) -> BudgetRow:
    found = tuple(in_ms(each) for each in percentiles(waits_ns, QUANTILES))
    mean_ms = float(waits_ns.mean()) / _NS_PER_MS if len(waits_ns) else None
    if budget_ms is None:
        return BudgetRow(kind, stage, part, None, len(waits_ns), mean_ms, found)
    over = int((waits_ns > budget_ms * _NS_PER_MS).sum())
    verdicts = tuple(_verdict(each, budget_ms) for each in found)
    return BudgetRow(kind, stage, part, budget_ms, len(waits_ns), mean_ms, found, over, verdicts)


def _first(cascade: Cascade, runs: Sequence[CascadeTimes]) -> list[BudgetRow]:
    stage = cascade.stages[0]
    return [row(STAGE, stage.name, "each chunk", stage.budget_ms, _pooled([run.latency_ns(0) for run in runs]))]


def _text(cascade: Cascade, runs: Sequence[CascadeTimes], ways: Int64) -> list[BudgetRow]:
    stage = cascade.stages[1]
    return [
        row(STAGE, stage.name, "utterance over -> text", stage.budget_ms, between(ways, CLOSED, TEXT)),
        row(DETAIL, stage.name, "each chunk", None, _pooled([run.latency_ns(1) for run in runs])),
    ]


def _reply(cascade: Cascade, runs: Sequence[CascadeTimes], ways: Int64) -> list[BudgetRow]:
    stage = cascade.stages[2]
    return [
        row(STAGE, stage.name, "text -> last token", stage.budget_ms, between(ways, TEXT, LAST_TOKEN)),
        row(DETAIL, stage.name, "text -> first token", None, between(ways, TEXT, FIRST_TOKEN)),
        row(DETAIL, stage.name, "each token", None, _pooled([run.latency_ns(2) for run in runs])),
    ]


def _end_to_end(ways: Int64, replies: bool) -> list[BudgetRow]:
    parts = [("last word -> utterance over", CLOSING), ("last word -> text", TEXT)]
    if replies:
        parts += [("last word -> first token", FIRST_TOKEN), ("last word -> last token", LAST_TOKEN)]
    return [row(END_TO_END, "listener", name, None, between(ways, SPOKEN, end)) for name, end in parts]


def _pooled(each: Sequence[Int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *each])


def _verdict(found: Interval, budget_ms: float) -> str:
    if found.low is None or found.high is None:
        return UNKNOWN
    return MET if found.high <= budget_ms else MISSED if found.low > budget_ms else DOUBTFUL


# The parts of an utterance's way, in order: they add up to it.
PARTS = ("endpointing", "gate", "text", "first token", "further tokens")


def parts_ms(ways: Int64) -> NDArray[np.float64]:
    """Of each utterance with a known last word, in ms, shape (n, 5), columns ``PARTS``.

    Without a reply the last two are zero: nothing is waited for.
    """
    known = ways[ways[:, SPOKEN] < wire.NEVER_NS]
    tokens = known[:, (FIRST_TOKEN, LAST_TOKEN)]
    tokens = np.where(tokens < wire.NEVER_NS, tokens, known[:, [TEXT]])
    moments = np.concatenate([known[:, (SPOKEN, CLOSING, CLOSED, TEXT)], tokens], axis=1)
    return np.asarray(np.diff(moments, axis=1) / _NS_PER_MS, dtype=np.float64)
