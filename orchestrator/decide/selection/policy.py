"""The thresholds of a decision in one place, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """``indifference``: two candidates whose objectives differ by less than this are alike; no listener and no battery
    notices 2 %, and the simpler one is easier to ship. A device's noise floor from A/A runs may be put here.

    ``confidence`` is of every interval shown, and 1 - confidence the chance that equal candidates end in a winner.

    ``least_placement_share``: an execution provider that did less of the nodes' time than this did not run the model.
    It is low because a provider that accelerates its nodes tenfold takes a small share of what is left.

    ``pacer_budget_share``: a paced session whose chunks were issued later than this share of a chunk, in the median,
    measured the harness and not the candidate.

    ``repeat_tolerance``: a verification within this of the race's figure repeats it, however narrow the interval over
    a few runs happens to be.
    """

    indifference: float = 0.02
    confidence: float = 0.95
    least_placement_share: float = 0.1
    pacer_budget_share: float = 0.1
    repeat_tolerance: float = 0.05
    seed: int = 0
