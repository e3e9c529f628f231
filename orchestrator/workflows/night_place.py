"""A device as a night has it: held, with its environments and what must be on it, and a runner for each study."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import study_of_night
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.candidates import candidates_for
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_wanted import Wanted, with_artifact
from orchestrator.workflows.places import Place, other_places
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.single import pick
from orchestrator.workflows.site import Site, SiteWish, on_site


@dataclass(frozen=True)
class NightPlace:
    """``places``: the environments that are wanted beside the default, as far as they are there."""

    ledger: Ledger
    site: Site
    places: dict[str, Place]
    progress: Progress

    def push(self, ready: Ready, artifacts: Iterable[Artifact]) -> None:
        push_blobs(self.site.agent, ready.files(list(artifacts)))

    def candidate(self, wanted: Wanted, ready: Ready) -> Candidate:
        """Raises BadInput or DeviceNotReady where this device cannot run it, or it could not be made."""
        artifact = ready.artifacts.get(wanted.recipe)
        if artifact is None:
            raise BadInput(f"{wanted.recipe} was refused: {ready.refused.get(wanted.recipe, 'it was not exported')}")
        environment = wanted.environment
        if environment is not None and environment not in self.places:
            raise DeviceNotReady(f"its environment {environment} is not there", hint="earshot devices setup")
        if wanted.chosen is not None:
            return with_artifact(wanted.chosen, artifact.sha256)
        here = self.site.environment if environment is None else self.places[environment].environment
        known = candidates_for([artifact], here.probe, threads=[wanted.threads], spare=True)
        found = pick(known, self.site.device.name, wanted.provider, wanted.threads, (), ())
        return replace(found, environment=environment)

    def runner(self, study: Study, ready: Ready, artifacts: Iterable[Artifact], reruns: int) -> SessionRunner:
        site = self.site
        return SessionRunner(
            self.ledger,
            study,
            site.agent,
            site.environment,
            {"test": ready.material},
            {artifact.sha256: artifact for artifact in artifacts},
            self.progress,
            hold=site.lease,
            power=site.power,
            isolate=site.asked.steps,
            meter=meter_of(site.device),
            cooler=cooler_of(site.device, site.agent, site.environment, self.ledger, study, self.progress),
            suspect_reruns=reruns,
            places=self.places,
        )


@contextmanager
def night_place(
    ledger: Ledger, device: Device, environments: Iterable[str], purpose: str, progress: Progress, wait_s: float
) -> Iterator[NightPlace]:
    """Raises DeviceHeld after ``wait_s``, DeviceQuarantined, and what reaching a device raises."""
    with on_site(ledger, device, purpose, SiteWish(), progress, wait_s) as site:
        wanted = {name: device.environments[name] for name in environments if name in device.environments}
        here = Place(site.agent, site.environment)
        yield NightPlace(ledger, site, other_places(replace(device, environments=wanted), here, progress), progress)


def study_for(ledger: Ledger, model: str, device: str, settings: dict[str, object]) -> Study:
    """The study with these settings: an interrupted or a finished one of the same night is gone on with."""
    now = datetime.now(UTC)
    new = Study(f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}", model, device, now.isoformat(timespec="seconds"), settings)
    same = study_of_night(ledger, new.settings_sha256)
    if same is None:
        ledger.begin_study(new)
    return same or new
