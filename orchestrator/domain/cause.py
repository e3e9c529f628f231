"""Verdicts with one cause in one sentence: a commit that costs every device 7 % is one piece of news, not forty."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain.regression import DEVICE_DRIFT, IMPROVEMENT, LAB_DRIFT, REGRESSION, Verdict

_MOST_NAMED = 4
_DIRECTIONS = {REGRESSION: "worse", IMPROVEMENT: "better"}


@dataclass(frozen=True)
class Cause:
    """Verdicts of one kind about one model that blame the same change; of a drift, those of one device. At least one,
    the largest effect first.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def kind(self) -> str:
        return self.verdicts[0].kind

    @property
    def alert(self) -> bool:
        return self.verdicts[0].alert

    @property
    def said(self) -> str:
        """The verdict's own sentence where there is one; else all of them together."""
        first = self.verdicts[0]
        if len(self.verdicts) == 1:
            return first.said
        subject = f"{first.key.device} itself is" if self._drift else f"{self.kind}: {first.key.model} is"
        where = _named("device", (v.key.device for v in self.verdicts))
        what = _named("metric", (v.key.metric for v in self.verdicts))
        recipes = _named("recipe", (v.key.precision for v in self.verdicts))
        known = ", ".join(dict.fromkeys(v.confirmed_by for v in self.verdicts if v.confirmed_by))
        how = f"known by {known}" if known else "not confirmed"
        parts = [f"{subject} {self._amount()} in {what}", *([] if self._drift else [f"on {where}"]), recipes]
        return f"{', '.join(parts)}; since {self._since()}; {how}; {self._blamed()}"

    @property
    def _drift(self) -> bool:
        return self.kind in (DEVICE_DRIFT, LAB_DRIFT)

    def _amount(self) -> str:
        """The least and the largest change, new over old."""
        found = [v.effect.value for v in self.verdicts if v.relative and v.effect.value is not None]
        if not found:
            return "off what was usual"
        # What is worse or better may be more or less of a figure; what is only off says which.
        form = "+.3g" if self.kind not in _DIRECTIONS else ".3g"
        shares = sorted(value - 1.0 if form == "+.3g" else abs(value - 1.0) for value in found)
        ends = list(dict.fromkeys(f"{100.0 * share:{form}} %" for share in (shares[0], shares[-1])))
        return f"{_DIRECTIONS.get(self.kind, 'off')} by {' to '.join(ends)}"

    def _since(self) -> str:
        found = sorted({verdict.since.at for verdict in self.verdicts})
        return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"

    def _blamed(self) -> str:
        blamed = [f"{axis.replace('_', ' ')} {before} -> {after}" for axis, before, after in _changes(self.verdicts[0])]
        return f"changed then: {', '.join(blamed)}" if blamed else "nothing that is recorded changed then"


def causes(verdicts: Sequence[Verdict]) -> tuple[Cause, ...]:
    """In the order of the first verdict of each; every verdict is in one of them."""
    found: dict[tuple[object, ...], list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(_key(verdict), []).append(verdict)
    return tuple(Cause(tuple(sorted(each, key=_size, reverse=True))) for each in found.values())


def _key(verdict: Verdict) -> tuple[object, ...]:
    about = verdict.key.device if verdict.kind in (DEVICE_DRIFT, LAB_DRIFT) else verdict.key.model
    return (verdict.kind, about, tuple(_changes(verdict)))


def _changes(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    for blame in verdict.blame:
        yield blame.axis, blame.before, blame.after


def _size(verdict: Verdict) -> float:
    return abs((verdict.effect.value or 0.0) - (1.0 if verdict.relative else 0.0))


def _named(noun: str, values: Iterable[str]) -> str:
    """``service_p50_ms``, or ``5 devices (pi5-a, pi5-b, ...)``."""
    found = sorted(set(values))
    if len(found) == 1:
        return found[0]
    more = ", ..." if len(found) > _MOST_NAMED else ""
    return f"{len(found)} {noun}s ({', '.join(found[:_MOST_NAMED])}{more})"
