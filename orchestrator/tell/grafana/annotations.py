"""Change points and deploys as annotations: what Grafana draws across the panels of all dashboards."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from orchestrator.domain.night_series import AXES, Series
from orchestrator.domain.regression import Verdict
from orchestrator.tell.grafana.board import CHANGE_POINT, DEPLOY, TAG

_ID_TAG = "earshot-id:"
# A night goes from noon to noon, UTC.
_NOON = timedelta(hours=12)


@dataclass(frozen=True)
class Annotation:
    """``time_ms`` to ``end_ms`` since 1970; equal for a moment. ``tags`` without those that all have."""

    time_ms: int
    end_ms: int
    what: str
    text: str
    tags: tuple[str, ...]
    key: str

    @property
    def all_tags(self) -> list[str]:
        """One of them is the same for the same change, so that it is not pushed twice."""
        return [TAG, self.what, *self.tags, f"{_ID_TAG}{hashlib.sha256(self.key.encode()).hexdigest()[:16]}"]


def id_of(tags: Iterable[str]) -> str | None:
    """What tells one of our annotations from the others; None: not ours."""
    return next((tag for tag in tags if tag.startswith(_ID_TAG)), None)


def change_points(verdicts: Sequence[Verdict]) -> Iterator[Annotation]:
    """Of verdicts that something confirmed: from the first night that it may be since to the last."""
    for verdict in verdicts:
        if verdict.confirmed_by is None:
            continue
        key, since = verdict.key, verdict.since
        tags = (verdict.kind, key.model, key.device, key.metric)
        same = "|".join((verdict.kind, verdict.aspect, verdict.at, str(key)))
        yield Annotation(_noon_ms(since.earliest), _noon_ms(since.latest), CHANGE_POINT, verdict.said, tags, same)


def deploys(series: Sequence[Series]) -> Iterator[Annotation]:
    """Nights on which a model's graph, an exporter, a runtime, an OS or a unit became another one. Series of one model
    that changed together are one annotation.
    """
    devices: dict[tuple[str, str, str, str, str], set[str]] = {}
    for each in series:
        for old, new in zip(each.nights, each.nights[1:], strict=False):
            for axis in AXES:
                before, after = getattr(old.axes, axis), getattr(new.axes, axis)
                if before is not None and after is not None and before != after:
                    devices.setdefault((new.at, axis, each.key.model, before, after), set()).add(each.key.device)
    for (at, axis, model, before, after), names in sorted(devices.items()):
        text = f"{axis.replace('_', ' ')} of {model}: {before} -> {after} on {', '.join(sorted(names))}"
        noon_ms = _noon_ms(at)
        yield Annotation(noon_ms, noon_ms, DEPLOY, text, (axis, model), "|".join((at, axis, model, before, after)))


def _noon_ms(night: str) -> int:
    """When a night begins."""
    begin = datetime.combine(date.fromisoformat(night), datetime.min.time(), UTC) + _NOON
    return int(begin.timestamp() * 1000)
