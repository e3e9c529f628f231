"""What the agent's sampler read beside the chunks, from the arrays of a session."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.session import Session
from orchestrator.tell.report.chart import Float64

# Unit in an array's name -> (what is shown, factor).
_UNITS = {"c": ("°C", 1.0), "bytes": ("MB", 1e-6), "hz": ("MHz", 1e-6), "w": ("W", 1.0)}
_NAME = re.compile(r"(?P<quantity>[a-z0-9_]+)_(?P<unit>c|bytes|hz|w)([./:](?P<of>.+))?")

# What a reader expects to see -> how an array of it is called.
_EXPECTED = {"temperature": re.compile(r"temp"), "memory": re.compile(r"rss|memory|pss")}
_NOT_SAMPLED = "the sampler read none in this session"


@dataclass(frozen=True)
class Sampled:
    """A series in the unit it is shown in; samples that could not be read are left out."""

    name: str
    title: str
    unit: str
    t_ns: NDArray[np.int64]
    values: Float64


@dataclass(frozen=True)
class SampledSeries:
    """``absent``: quantity -> why this session has none."""

    series: tuple[Sampled, ...]
    absent: dict[str, str]


def sampled_series(session: Session) -> SampledSeries:
    """Every array that carries a unit in its name and has a time base of its own length."""
    bases = {
        len(a): a for name, a in session.arrays.items() if name != "t_ns" and name.endswith("t_ns") and a.ndim == 1
    }
    found = [
        one
        for name, array in sorted(session.arrays.items())
        if (match := _NAME.fullmatch(name)) and array.ndim == 1 and len(array) in bases
        for one in _read(match, array, bases[len(array)])
    ]
    absent = {
        quantity: _reason(session, pattern)
        for quantity, pattern in _EXPECTED.items()
        if not any(pattern.search(one.name) for one in found)
    }
    return SampledSeries(tuple(found), absent)


def _read(match: re.Match[str], array: NDArray[Any], t_ns: NDArray[Any]) -> list[Sampled]:
    unit, factor = _UNITS[match["unit"]]
    values = np.asarray(array, dtype=np.float64) * factor
    known = np.isfinite(values)
    if not known.any():
        return []
    words = match["quantity"].replace("_", " ")
    title = f"{words.capitalize()} ({match['of']})" if match["of"] else words.capitalize()
    name = re.sub(r"[^a-z0-9]+", "-", match.string.lower())
    return [Sampled(name, title, unit, np.asarray(t_ns, dtype=np.int64)[known], values[known])]


def _reason(session: Session, pattern: re.Pattern[str]) -> str:
    given = [reason for name, reason in session.result.sensors_absent.items() if pattern.search(name)]
    return "; ".join(given) or _NOT_SAMPLED
