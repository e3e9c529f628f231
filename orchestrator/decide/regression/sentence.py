"""A verdict in words: what, how much, since when, how it is known, what may be to blame, and how often it is wrong."""

from orchestrator.decide.selection.words import NAMES, figure, percent
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import DEVICE_DRIFT, LAB_DRIFT, SPREAD, Blame, Since
from orchestrator.statistics.interval import Interval

_MORE = {"error_rate": ("more errors", "fewer errors"), "streams": ("more streams", "fewer streams")}
_MOST_BLAMED = 3


def how_much(key: SeriesKey, aspect: str, effect: Interval, relative: bool) -> str:
    """``5.1 % slower (95 % interval 4.2 % to 6 %)``."""
    if effect.value is None:
        return f"changed, by how much is not known: {effect.reason}"
    shown = percent if relative else _points
    value = effect.value - 1.0 if relative else effect.value
    more, less = _MORE.get(key.metric) or NAMES[key.metric][1:]
    if aspect == SPREAD:
        more, less = "more spread from run to run", "less spread from run to run"
    words = f"{shown(abs(value))} {more if value > 0 else less}"
    if effect.low is None or effect.high is None or effect.low == effect.high:
        return words
    ends = [end - 1.0 if relative else end for end in (effect.low, effect.high)]
    low, high = sorted(end if value > 0 else -end for end in ends)
    return f"{words} ({percent(effect.confidence)} interval {shown(low)} to {shown(high)})"


def _points(share: float) -> str:
    """Of a difference in a share."""
    return f"{figure(100.0 * share)} points"


def sentence(
    kind: str,
    key: SeriesKey,
    amount: str,
    since: Since,
    basis: str,
    blamed: tuple[Blame, ...],
    unknown: tuple[str, ...],
) -> str:
    """``basis``: how it is known, or why it is not."""
    if kind in (DEVICE_DRIFT, LAB_DRIFT):
        about = f"{key.device} itself drifted, seen in {key}: {amount}"
    else:
        about = f"{kind}: {key} is {amount}"
    return f"{about}, since {since}; {basis}; {_blamed(blamed, unknown)}"


def _blamed(blamed: tuple[Blame, ...], unknown: tuple[str, ...]) -> str:
    names = ", ".join(axis.replace("_", " ") for axis in unknown)
    rest = f"; not recorded: {names}" if names else ""
    if not blamed:
        return f"nothing that is recorded changed then{rest}"
    more = f" and {len(blamed) - _MOST_BLAMED} more" if len(blamed) > _MOST_BLAMED else ""
    return f"changed then: {', '.join(str(each) for each in blamed[:_MOST_BLAMED])}{more}{rest}"
