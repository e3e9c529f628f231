"""What was pushed to a device from night to night: the versions among which a regression is looked for."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.night_series import PUSHED_AXES, Night, Series, SeriesKey
from orchestrator.domain.regression import IMPROVEMENT, REGRESSION, Verdict
from orchestrator.domain.session import Environment
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.bisect_device import like
from orchestrator.workflows.night_place import NightPlace
from orchestrator.workflows.night_series import key_of

_CHANGES = (REGRESSION, IMPROVEMENT)


@dataclass(frozen=True)
class Change:
    """A series that changed, and its nights from the last of the old level to the first that surely has the new one."""

    key: SeriesKey
    nights: tuple[Night, ...]

    @property
    def versions(self) -> tuple[Night, ...]:
        """The first night of each artifact and runtime, in order."""
        found = [self.nights[0]]
        for before, night in itertools.pairwise(self.nights):
            if (night.artifact, night.axes.runtime) != (before.artifact, before.axes.runtime):
                found.append(night)
        return tuple(found)


def changed(verdicts: Sequence[Verdict], series: Sequence[Series], wanted: Sequence[str | None]) -> Change:
    """Of the newest confirmed change of a device, model and metric (``wanted``; None: any). Raises BadInput."""
    fitting = [
        verdict
        for verdict in verdicts
        if verdict.kind in _CHANGES and verdict.confirmed_by is not None and _fits(verdict.key, wanted)
    ]
    if not fitting:
        raise BadInput(
            "no confirmed change fits",
            hint="earshot regressions shows them; or give --old and --new nights of a series",
        )
    newest = max(fitting, key=lambda verdict: verdict.at)
    own = next(each for each in series if each.key == newest.key)
    before = [night for night in own.nights if night.at < newest.since.earliest]
    return Change(own.key, (*before[-1:], *(n for n in own.nights if newest.since.earliest <= n.at <= newest.at)))


def between(series: Sequence[Series], wanted: Sequence[str | None], old: str, new: str) -> Change:
    """The nights from ``old`` to ``new`` of the one series that fits. Raises BadInput."""
    fitting = [each for each in series if _fits(each.key, wanted)]
    if len(fitting) != 1:
        listed = "; ".join(str(each.key) for each in fitting[:5]) or "none fits"
        raise BadInput(f"{len(fitting)} series fit", hint=f"name device, model, recipe and metric: {listed}")
    nights = tuple(night for night in fitting[0].nights if old <= night.at <= new)
    if len(nights) < 2 or (nights[0].at, nights[-1].at) != (old, new):
        known = ", ".join(night.at for night in fitting[0].nights[-5:])
        raise BadInput(f"{fitting[0].key} has no nights {old} and {new}", hint=f"the last ones are {known}")
    return Change(fitting[0].key, nights)


def _fits(key: SeriesKey, wanted: Sequence[str | None]) -> bool:
    own = (key.device, key.model, key.precision, key.metric)
    return all(name in (None, value) for name, value in zip(wanted, own, strict=True))


def candidate_of(ledger: Ledger, key: SeriesKey) -> Candidate:
    """How the series is run: its newest session's. Raises BadInput."""
    for study in reversed(ledger.studies()):
        if (study.model, study.device) == (key.model, key.device):
            for session in ledger.sessions(study.study_id, mode=key.mode, with_arrays=False):
                if key_of(session).configuration == key.configuration:
                    return session.planned.candidate
    raise BadInput(f"no session of {key} is in the ledger")


@dataclass(frozen=True)
class NightVersions:
    """``place``: the device, whose environments stand for the runtimes of the nights."""

    ledger: Ledger
    place: NightPlace
    candidate: Candidate
    versions: tuple[Night, ...]

    def make(self, number: int) -> tuple[Artifact, Candidate]:
        """Raises BadInput where the artifact or the runtime of that night is no longer to be had."""
        night = self.versions[number]
        artifact = self.ledger.artifact(night.artifact)
        if artifact is None or not all(part.path.is_file() for part in artifact.files.values()):
            raise BadInput(f"the artifact {night.artifact[:12]} of {night.at} is no longer in the store")
        return artifact, like(self.candidate, artifact, self._environment(night))

    def _environment(self, night: Night) -> str | None:
        """The one whose runtime is that of the night; where a night does not say, that of the series."""
        if night.axes.runtime is None:
            return self.candidate.environment
        places: dict[str | None, Environment] = {None: self.place.site.environment}
        places |= {name: place.environment for name, place in self.place.places.items()}
        for name, environment in places.items():
            known = {f"{each.name} {each.version}" for each in environment.probe.runtimes if each.usable}
            if night.axes.runtime in known:
                return name
        device = self.place.site.device.name
        raise BadInput(f"no environment of {device} has {night.axes.runtime}, which ran on {night.at}")


def axes_between(before: Night, after: Night) -> dict[str, tuple[str, str]]:
    """Of what is pushed: axis -> (old, new), where both nights say it and it changed."""
    found = {}
    for axis in PUSHED_AXES:
        old, new = getattr(before.axes, axis), getattr(after.axes, axis)
        if None not in (old, new) and old != new:
            found[axis] = (old, new)
    return found
