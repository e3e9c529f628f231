"""What a study tries on a device, and each branch that it does not try, with the reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from agents.device_facts import DeviceProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.cluster import named
from orchestrator.domain.session import Environment
from orchestrator.errors import DeviceNotReady
from orchestrator.workflows.candidates import allowed_chunk, candidates_for, unfit
from orchestrator.workflows.option_axis import SessionOption, with_options
from orchestrator.workflows.places import Place
from orchestrator.workflows.prepare import Exported
from orchestrator.workflows.settings import TuneSettings


@dataclass(frozen=True)
class Pruned:
    """A branch of the search space that no session is spent on. ``axis``: recipe, environment, provider, threads,
    cluster, option or chunk; ``what`` of it."""

    axis: str
    what: str
    reason: str


@dataclass(frozen=True)
class SearchSpace:
    candidates: tuple[Candidate, ...]
    pruned: tuple[Pruned, ...]


def search_space(
    settings: TuneSettings, exported: Exported, here: Environment, places: dict[str, Place]
) -> SearchSpace:
    """Artifacts x the device's environments x providers x threads x clusters x options. Raises BadInput, and
    DeviceNotReady where the device can run none of it.
    """
    offer = _Offer(settings, exported.artifacts)
    found = offer.in_environment(here)
    pruned = [Pruned("recipe", str(r.recipe), r.reason) for r in exported.refusals]
    for name, place in places.items():
        try:
            found += [replace(c, environment=name) for c in offer.in_environment(place.environment)]
        except DeviceNotReady as exc:
            pruned.append(Pruned("environment", name, exc.message))
    pruned += unfit_artifacts(settings, exported.artifacts, here.probe, {c.artifact_sha256 for c in found})
    pruned += _providers(here.probe, {c.runtime for c in found})
    pruned += _untried(settings, exported.artifacts, here, found)
    return SearchSpace(tuple(with_options(found, settings.options)), tuple(dict.fromkeys(pruned)))


def unfit_artifacts(
    settings: TuneSettings, artifacts: Iterable[Artifact], probe: DeviceProbe, fit: set[str]
) -> list[Pruned]:
    """Those that no environment of the device can run."""
    found = []
    for artifact in artifacts:
        chunk = allowed_chunk(artifact.contract, settings.chunk_ms) or artifact.contract.chunk_samples
        reason = unfit(artifact, probe, chunk)
        if artifact.sha256 not in fit and reason is not None:
            found.append(Pruned("recipe", str(artifact.recipe), reason))
    return found


@dataclass(frozen=True)
class _Offer:
    settings: TuneSettings
    artifacts: Sequence[Artifact]

    def in_environment(self, environment: Environment) -> list[Candidate]:
        contract = self.artifacts[0].contract
        return candidates_for(
            self.artifacts,
            environment.probe,
            threads=self.settings.threads,
            chunk_samples=allowed_chunk(contract, self.settings.chunk_ms),
            clusters=named(environment.probe, environment.device, self.settings.clusters),
        )


def _providers(probe: DeviceProbe, tried: set[str]) -> Iterator[Pruned]:
    """Of the runtimes that are tried; of the others the artifact's own reason tells."""
    for runtime in probe.runtimes:
        for provider in runtime.providers if runtime.name in tried else ():
            if not provider.usable:
                reason = provider.reason or "the probe could not use it"
                yield Pruned("provider", f"{runtime.name} {provider.name}", reason)


def _untried(
    settings: TuneSettings, artifacts: Sequence[Artifact], here: Environment, found: Sequence[Candidate]
) -> Iterator[Pruned]:
    for cluster in named(here.probe, here.device, settings.clusters):
        for threads in sorted({c.threads for c in found} - set(range(len(cluster.cpus) + 1))):
            reason = f"it has {len(cluster.cpus)} cores, and threads that wait for each other are no candidate"
            yield Pruned("cluster", f"{cluster} with {threads} threads", reason)
    if not settings.clusters and len({core.cluster for core in here.probe.cores}) > 1:
        yield Pruned("cluster", "cores of one kind", "not asked for: --clusters all tries each of them")
    if not settings.threads:
        yield Pruned(
            "threads", "2 and more", "tried with plain fp32 only, which shows whether they pay: --threads tries others"
        )
    yield from _chunks(settings, artifacts[0])
    yield from _options(settings.options, found)


def _chunks(settings: TuneSettings, artifact: Artifact) -> Iterator[Pruned]:
    contract = artifact.contract
    tried = allowed_chunk(contract, settings.chunk_ms) or contract.chunk_samples
    others = [contract.chunk_s(n) * 1e3 for n in contract.allowed_chunk_samples if n != tried]
    if others:
        reason = "another chunk is another delay, which no figure here weighs: --chunk-ms tunes with it"
        yield Pruned("chunk", ", ".join(f"{ms:g} ms" for ms in others), reason)


def _options(options: Iterable[SessionOption], found: Sequence[Candidate]) -> Iterator[Pruned]:
    for option in options:
        for where in sorted({(c.runtime, c.provider) for c in found}):
            if not option.fits(*where):
                yield Pruned("option", f"{option} on {' '.join(where)}", "this provider does not take it")
