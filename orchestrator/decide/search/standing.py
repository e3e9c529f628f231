"""Where each candidate stands: what rejected it for free, what its runs said, and whether its limits are proven."""

import math
from collections.abc import Iterable

import numpy as np

from orchestrator.decide.search.question import KNOWN_BEFORE, SUSPECT, Entrant, Question, Run

# A device may hiccup once; a candidate that fails again is broken.
FAILURES, THROTTLED, UNMEASURED = 2, 3, 2
# Runs of which each was disturbed; so many in a row are not chance.
DISTURBED = 3
# Run-to-run noise before any was seen, as a ratio, and how many runs that belief is worth.
NOISE, NOISE_WEIGHT = 0.03, 6.0
# One-sided 95 %.
Z = 1.645


class Standings:
    """All candidates of one question on one device."""

    def __init__(self, question: Question, entrants: Iterable[Entrant]) -> None:
        self.question = question
        self.entrants = {e.name: e for e in entrants}
        self.runs: dict[str, list[Run]] = {name: [] for name in self.entrants}
        self.rejected: dict[str, str] = {}
        for entrant in self.entrants.values():
            self._reject(entrant.name, self._known_fault(entrant))

    @property
    def open(self) -> list[str]:
        """Candidates that may still win, in the order of the entrants."""
        return [name for name in self.entrants if name not in self.rejected]

    def add(self, run: Run) -> None:
        self.runs[run.candidate].append(run)
        if run.candidate not in self.rejected:
            self._reject(run.candidate, self._fault(self.runs[run.candidate]))

    def reject(self, name: str, reason: str) -> None:
        """A gate outside the search closed for it. The first reason stays."""
        self.rejected.setdefault(name, reason)

    def good(self, name: str) -> list[Run]:
        """Its runs that count and that say all that the question needs."""
        return [r for r in self.runs[name] if r.outcome == "ok" and all(m in r.figures for m in self.question.needed)]

    def value(self, name: str, metric: str) -> float:
        """Known, or the median over its good runs, of which there must be one."""
        if metric in KNOWN_BEFORE:
            return self.entrants[name].known[metric]
        return float(np.median([r.figures[metric] for r in self.good(name)]))

    def unproven(self, name: str) -> str | None:
        """Which limit the upper bound of its measured figure still exceeds; None where all hold."""
        count = len(self.good(name))
        if count == 0:
            return "no run of it could be used"
        for metric, limit in self.question.limits.items():
            if metric in KNOWN_BEFORE:
                continue
            value = self.value(name, metric)
            bound = value * math.exp(Z * self.noise(metric) / math.sqrt(count))
            if bound > limit:
                return f"{metric} {value:.4g} is not proven to stay at or below {limit:g} after {count} run(s)"
        return None

    def noise(self, metric: str) -> float:
        """Run-to-run noise as a ratio, over all candidates that ran more than once."""
        squares, freedom = 0.0, 0
        for name in self.entrants:
            values = [math.log(r.figures[metric]) for r in self.good(name) if r.figures[metric] > 0]
            if len(values) > 1:
                squares += float(np.sum((np.array(values) - np.mean(values)) ** 2))
                freedom += len(values) - 1
        return math.sqrt((NOISE_WEIGHT * NOISE**2 + squares) / (NOISE_WEIGHT + freedom))

    def exceeded(self, name: str) -> str | None:
        """The limit that its runs have broken beyond their noise."""
        count = len(self.good(name))
        for metric, limit in self.question.limits.items() if count else ():
            if metric not in KNOWN_BEFORE:
                value = self.value(name, metric)
                if value * math.exp(-Z * self.noise(metric) / math.sqrt(count)) > limit:
                    return f"{metric} {value:.4g} is above {limit:g} after {count} run(s)"
        return None

    def _known_fault(self, entrant: Entrant) -> str | None:
        for metric in KNOWN_BEFORE:
            value, limit = entrant.known.get(metric), self.question.limits.get(metric)
            if value is None and (limit is not None or metric == self.question.minimize):
                return f"{metric} was not measured"
            if value is not None and limit is not None and value > limit:
                return f"{metric} {value:.4g} is above {limit:g}"
        return None

    def _fault(self, runs: list[Run]) -> str | None:
        bad = ("fallback", "failed", "throttled", SUSPECT)
        count = {outcome: sum(r.outcome == outcome for r in runs) for outcome in bad}
        if count["fallback"]:
            return "fell back to another execution provider"
        if count["failed"] >= FAILURES:
            return f"failed in {count['failed']} of {len(runs)} runs"
        if count["throttled"] >= THROTTLED and count["throttled"] == len(runs):
            return f"the device throttled in all of {len(runs)} runs"
        if count[SUSPECT] >= DISTURBED and count[SUSPECT] == len(runs):
            return f"something disturbed all of {len(runs)} runs"
        ran = [r for r in runs if r.outcome == "ok"]
        for metric in self.question.needed:
            if len(ran) >= UNMEASURED and not any(metric in r.figures for r in ran):
                return f"{metric} was not measured in {len(ran)} runs"
        return self.exceeded(runs[-1].candidate)

    def _reject(self, name: str, reason: str | None) -> None:
        if reason:
            self.rejected[name] = reason
