"""Pieces of PromQL that the panels share.

Sessions of a night are points a day apart, and an instant query looks back five minutes: without a window of more than
a day a panel would be empty for most of the day.
"""

from collections.abc import Sequence

from orchestrator.tell.telemetry.names import CONFIGURATION

# A day, and two hours by which a night may be later than the one before.
WINDOW = "26h"
# What tells one verdict from another; the unit of a device names its model.
_VERDICT = ", ".join((*CONFIGURATION[1:], "metric", "aspect", "kind"))


def select(metric: str, variables: Sequence[str] = (), **fixed: str) -> str:
    """``metric`` of the chosen jobs. ``variables``: dashboard variables with several values, each for its label;
    one with a single value is written ``=name``. ``fixed``: label="value", or label="$variable".
    """
    matchers = ['job=~"$job"']
    for name in variables:
        single = name.startswith("=")
        matchers.append(f'{name[1:]}="${name[1:]}"' if single else f'{name}=~"${name}"')
    matchers += [f'{label}="{value}"' for label, value in fixed.items()]
    return f"{metric}{{{', '.join(matchers)}}}"


def night(metric: str, variables: Sequence[str] = (), **fixed: str) -> str:
    """The newest value of the last day."""
    return f"last_over_time({select(metric, variables, **fixed)}[{WINDOW}])"


def of_a_day(metric: str, variables: Sequence[str] = ()) -> str:
    """What came within a day: to be counted. In the window of ``night`` a night's beginning would count twice."""
    return f"last_over_time({select(metric, variables)}[24h])"


def over_week(metric: str, variables: Sequence[str] = (), **fixed: str) -> str:
    """The newest value over the median of the week before it, minus 1."""
    series = select(metric, variables, **fixed)
    return f"last_over_time({series}[{WINDOW}]) / quantile_over_time(0.5, {series}[7d] offset 1d) - 1"


def with_blame(effect: str, info: str, days: int) -> str:
    """``effect``, a vector of verdicts, with what the newest verdict of its kind in ``days`` says: since when, what
    changed then. An info series lives as long as its text, so the newest is found by the time of its samples.
    """
    newest = f"topk by ({_VERDICT}) (1, max_over_time(timestamp({info})[{days}d:5m])) * 0 + 1"
    return f"{effect} * on ({_VERDICT}) group_left (axis, before, after, since, confirmed_by) ({newest})"


def or_zero(expression: str) -> str:
    """A count of nothing is no series; here it is 0, because nothing was found and not because nothing is known."""
    return f"({expression}) or vector(0)"
