"""``earshot bisect``: which version of what is to blame, in turns on the device; what cannot be pushed, by nights."""

import re
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from orchestrator.decide.bisection.places import PlaceEvidence, place_evidence
from orchestrator.decide.bisection.search import Care, Found, NotSeen
from orchestrator.decide.comparison.runs import METRICS
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.night_series import AXES, PUSHED_AXES, Series, SeriesKey
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.bisect_commits import Builds, CommitVersions, Repository
from orchestrator.workflows.bisect_device import DeviceSearch, Searched
from orchestrator.workflows.bisect_nights import (
    Change,
    NightVersions,
    axes_between,
    between,
    candidate_of,
    changed,
)
from orchestrator.workflows.night_material import ready_to_stream
from orchestrator.workflows.night_place import NightPlace, night_place
from orchestrator.workflows.night_series import BISECT, read_nights
from orchestrator.workflows.night_settings import DEFAULT_ENVIRONMENT
from orchestrator.workflows.prepare import prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.regressions import regressions
from orchestrator.workflows.settings import require_duration, require_results

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class BisectSettings:
    """By nights: the newest confirmed change of ``device``, ``model``, ``recipe`` and ``metric`` (None: any), or the
    series that fits from night ``old`` to ``new``. By commits: ``good`` to ``bad`` of ``repository``; with nights, the
    commits between the two nights that the change lies between. ``threads``: where no series says it.
    """

    device: str | None = None
    model: str | None = None
    recipe: Recipe | None = None
    metric: str | None = None
    old: str | None = None
    new: str | None = None
    repository: Repository | None = None
    good: str | None = None
    bad: str | None = None
    mode: str = "flat-out"
    seconds: float = 10.0
    threads: int = 1
    lab: Path | None = None
    results: Path = Path("earshot-results")
    wait_s: float = 0.0
    care: Care = field(default_factory=Care)

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if (self.good is None) != (self.bad is None) or (self.old is None) != (self.new is None):
            raise BadInput("--good goes with --bad, and --old with --new: give both of them")
        if self.good is not None and self.repository is None:
            raise BadInput("commits are of a git work tree", hint="name it with --repo")
        if self.metric is not None and self.metric not in METRICS:
            raise BadInput(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")


@dataclass(frozen=True)
class Bisected:
    """``axis`` None: nothing that can be pushed is to blame, or it was left open. ``before`` and ``after``: its values
    on both sides of the change. ``nights`` and ``commits``: the searches that were made. ``places``: what the ledger's
    nights say of the axes that cannot be pushed. ``said``: the outcome in words.
    """

    what: str
    axis: str | None
    before: str | None
    after: str | None
    nights: Searched | None
    commits: Searched | None
    places: tuple[PlaceEvidence, ...]
    said: tuple[str, ...]


def bisect(settings: BisectSettings, progress: Progress) -> Bisected:
    """Raises EarshotError; what was measured until then is in the ledger, and the same call goes on from there."""
    require_results(settings.results)
    lab = load_lab(settings.lab)
    with (
        Ledger.open(settings.results / "ledger.db", create=settings.good is not None) as ledger,
        tempfile.TemporaryDirectory(prefix="earshot-bisect-") as scratch,
    ):
        if settings.good is not None:
            device = find_device(lab, settings.device or "local")
            work = _Bisection(settings, ledger, device, Path(scratch), progress)
            return work.by_commits_alone(settings.good, str(settings.bad))
        series = read_nights(ledger).series
        change = _change(settings, series)
        work = _Bisection(settings, ledger, find_device(lab, change.key.device), Path(scratch), progress)
        return work.by_nights(change, series)


def _change(settings: BisectSettings, series: tuple[Series, ...]) -> Change:
    recipe = str(settings.recipe) if settings.recipe else None
    wanted = (settings.device, settings.model, recipe, settings.metric)
    timed = tuple(each for each in series if each.key.metric in METRICS)
    if settings.old is not None:
        return between(timed, wanted, settings.old, str(settings.new))
    found = regressions(settings.results)
    of_metrics = [verdict for verdict in (*found.before, *found.told) if verdict.key.metric in METRICS]
    return changed(of_metrics, timed, wanted)


@dataclass
class _Bisection:
    settings: BisectSettings
    ledger: Ledger
    device: Device
    scratch: Path
    progress: Progress

    def by_commits_alone(self, good: str, bad: str) -> Bisected:
        recipe, metric = self.settings.recipe or Recipe("onnx", "fp32"), self.settings.metric or METRICS[2]
        found = self._commits(good, bad, recipe, self.settings.mode, metric, None)
        what = f"{metric} of {recipe} on {self.device.name}"
        return self._of_commits(what, found, None, ())

    def by_nights(self, change: Change, series: tuple[Series, ...]) -> Bisected:
        key, versions = change.key, change.versions
        places = self._places(change, series)
        if len(versions) < 2:
            said = "the same was pushed in all these nights: the device, or its OS, is to blame"
            return Bisected(str(key), None, None, None, None, None, places, (said,))
        candidate = candidate_of(self.ledger, key)
        names = [f"{night.at}, artifact {night.artifact[:12]}, {night.axes.runtime}" for night in versions]
        prepared = prepare_model(key.model, self.settings.results / "models")
        ready = ready_to_stream(prepared, self.scratch)
        question = {"workflow": BISECT, "key": str(key), "artifacts": [[n.artifact, n.axes.runtime] for n in versions]}
        with self._place() as place:
            source = NightVersions(self.ledger, place, candidate, versions)
            search = DeviceSearch(
                self.ledger, place, ready, names, source.make, key.metric, key.mode, self.settings.seconds,
                self._question(question), self.settings.care,
            )  # fmt: skip
            found = search.run()
        return self._of_nights(change, found, places, candidate)

    def _of_nights(
        self, change: Change, found: Searched, places: tuple[PlaceEvidence, ...], candidate: Candidate
    ) -> Bisected:
        what, step = str(change.key), found.step
        if isinstance(step, NotSeen):
            said = "what was pushed before and after is alike on this device now: the device, or its OS, is to blame"
            return Bisected(what, None, None, None, found, None, places, (said,))
        before, after = change.versions[step.first - 1], change.versions[step.last]
        axes = axes_between(before, after)
        commits = axes.get("model_commit")
        if isinstance(step, Found) and commits and self.settings.repository and all(map(_COMMIT.fullmatch, commits)):
            key = change.key
            inner = self._commits(*commits, Recipe.parse(key.precision), key.mode, key.metric, candidate)
            others = {axis: values for axis, values in axes.items() if axis != "model_commit"}
            if isinstance(inner.step, NotSeen) and others:
                return self._named(what, found, inner, places, others)
            return self._of_commits(what, inner, found, places)
        return self._named(what, found, None, places, axes)

    def _named(
        self,
        what: str,
        nights: Searched,
        commits: Searched | None,
        places: tuple[PlaceEvidence, ...],
        axes: dict[str, tuple[str, str]],
    ) -> Bisected:
        said = [f"{axis.replace('_', ' ')} {old} -> {new}" for axis, (old, new) in axes.items()]
        if len(axes) != 1 or not isinstance(nights.step, Found):
            words = "changed together" if len(axes) > 1 else "lie between"
            return Bisected(what, None, None, None, nights, commits, places, (f"{' and '.join(said)} {words}",))
        ((axis, (old, new)),) = axes.items()
        return Bisected(what, axis, old, new, nights, commits, places, tuple(said))

    def _of_commits(
        self, what: str, found: Searched, nights: Searched | None, places: tuple[PlaceEvidence, ...]
    ) -> Bisected:
        step = found.step
        if isinstance(step, NotSeen):
            said = "the two commits are alike on this device now"
            return Bisected(what, None, None, None, nights, found, places, (said,))
        before, after = found.names[step.first - 1], found.names[step.last]
        if not isinstance(step, Found):
            said = f"left open: it came after {before}, and with {after} at the latest"
            return Bisected(what, None, before, after, nights, found, places, (said,))
        said = (
            f"it came with {after}" if step.first == step.last else f"it came after {before}, and with {after} at last"
        )
        return Bisected(what, "model_commit", before, after, nights, found, places, (said,))

    def _commits(
        self, good: str, bad: str, recipe: Recipe, mode: str, metric: str, candidate: Candidate | None
    ) -> Searched:
        repository = self.settings.repository
        assert repository is not None
        commits = repository.commits(good, bad)
        builds = Builds(repository, recipe, self.settings.results, self.scratch / "trees", self.progress)
        try:
            ready = ready_to_stream(builds.prepared(commits[-1]), self.scratch)
            question = {"workflow": BISECT, "repo": str(repository.path.resolve()), "commits": list(commits),
                        "model": repository.model, "build": list(repository.build), "recipe": str(recipe),
                        "mode": mode, "metric": metric}  # fmt: skip
            with self._place() as place:
                source = CommitVersions(builds, place, ready, commits, candidate, self.settings.threads)
                names = [repository.subject(commit) for commit in commits]
                search = DeviceSearch(
                    self.ledger, place, ready, names, source.make, metric, mode, self.settings.seconds,
                    self._question(question), self.settings.care,
                )  # fmt: skip
                return search.run()
        finally:
            builds.remove(commits)

    def _place(self) -> AbstractContextManager[NightPlace]:
        purpose = "bisect"
        others = [name for name in self.device.environments if name != DEFAULT_ENVIRONMENT]
        return night_place(self.ledger, self.device, others, purpose, self.progress, self.settings.wait_s)

    def _question(self, question: Mapping[str, object]) -> dict[str, object]:
        return {
            **question,
            "device": self.device.name,
            "seconds": self.settings.seconds,
            "care": asdict(self.settings.care),
        }

    def _places(self, change: Change, series: tuple[Series, ...]) -> tuple[PlaceEvidence, ...]:
        """Of the axes that cannot be pushed and changed between these nights: what they did on every device."""
        alike = [each for each in series if _same_but_device(each.key, change.key)]
        return tuple(
            found
            for axis in AXES
            if axis not in PUSHED_AXES
            and len({value for night in change.nights if (value := getattr(night.axes, axis)) is not None}) > 1
            for found in place_evidence(alike, axis)
        )


def _same_but_device(one: SeriesKey, other: SeriesKey) -> bool:
    return replace(one, device="") == replace(other, device="")
