"""A device as a unit of a study: reached, quieted, everything that its sessions need pushed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.cluster import named
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.lease import Hold
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.isolating import isolation_for
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.places import Place, other_places
from orchestrator.workflows.prepare import Prepared, deploy_agent, push_material
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import in_environment
from orchestrator.workflows.reserve import PowerCycle
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.settings import TuneSettings, deadline_ns
from orchestrator.workflows.user_words import user_words

# Sessions that a study runs once more because something disturbed them; what disturbs more of them will not go away.
_SUSPECT_RERUNS = 6


@dataclass(frozen=True)
class StudyWork:
    """What all units of a study have in common. ``artifacts`` by SHA-256: shared, so that later ones reach them all."""

    settings: TuneSettings
    prepared: Prepared
    study: Study
    artifacts: dict[str, Artifact]
    scratch: Path


@contextmanager
def on_unit(work: StudyWork, ledger: Ledger, device: Device, held: Hold, progress: Progress) -> Iterator[SessionRunner]:
    """The runner of the study's sessions on a device that is ours."""
    settings = work.settings
    power = PowerCycle(ledger, device, progress)
    chosen = in_environment(device, settings.environment)
    agent, environment = power.reach(lambda: deploy_agent(chosen, progress, ledger))
    with agent.transport, held.on_device(agent):
        asked = isolation_for(device, settings.isolate, named(environment.probe, device.name, settings.clusters))
        with quieted(agent, device, progress.note, wanted=settings.quiet_device, asked=asked) as isolation:
            environment = replace(environment, isolation=isolation)
            places = other_places(device, Place(agent, environment), progress) if settings.environment is None else {}
            more = user_words(work.prepared.source, settings.user_words)
            push_blobs(agent, list(more.values()))
            runner = SessionRunner(
                ledger,
                work.study,
                agent,
                environment,
                push_material(agent, work.prepared, _all(work), work.scratch, progress),
                work.artifacts,
                progress,
                settings.seed,
                hold=held,
                power=power,
                isolate=asked.steps,
                meter=meter_of(device),
                cooler=cooler_of(device, agent, environment, ledger, work.study, progress),
                suspect_reruns=0 if settings.allow_suspect else _SUSPECT_RERUNS,
                deadline_ns=deadline_ns(settings.deadline_ms),
                places=places,
                more_parts={name: blob for name, (_, blob) in more.items()},
            )
            yield runner
            runner.forget_recorded()


def _all(work: StudyWork) -> Sequence[Artifact]:
    return tuple(work.artifacts.values())
