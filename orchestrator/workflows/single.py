"""``earshot run``: one session of one configuration, on one device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from agents.contract import StreamContract
from orchestrator.domain.candidate import PLAIN_PROVIDERS, Candidate
from orchestrator.domain.energy import Idle, idle_or_reason
from orchestrator.domain.session import IDLE, Session
from orchestrator.errors import BadInput
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import candidates_for
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.idle import AFTER, BEFORE, IDLE_S, measure_idle, measures_power
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.option_axis import SessionOption, checked
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.reserve import first_free
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.run_study import begin_or_go_on, finished, study_of
from orchestrator.workflows.run_work import Work, prepared_work
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import deadline_ns
from orchestrator.workflows.site import Site, SiteWish, on_site

T = TypeVar("T")


@dataclass(frozen=True)
class RanOne:
    """The finished session, failed or not; it is in the ledger. ``idle``: what the device drew without a model, or why
    that is not known.
    """

    session: Session
    contract: StreamContract
    idle: Idle | str

    @property
    def sample_rate_hz(self) -> int:
        return self.contract.sample_rate_hz


def run_one(settings: RunSettings, progress: Progress, ahead: Ahead | None = None) -> RanOne:
    """One session and what is needed to show it. ``ahead``: where the device is being reached already.

    Raises EarshotError where none could be started.
    """
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    with prepared_work(settings, progress) as work:
        devices = choose_devices(lab, settings.device, work.ledger, progress, one=True)[0]
        measure = lambda device, wait_s: measure_on(work, device, progress, wait_s, ahead)  # noqa: E731
        return first_free(devices, measure, settings.wait_s)


def measure_on(
    work: Work, device: Device, progress: Progress, wait_s: float = 0.0, ahead: Ahead | None = None
) -> RanOne:
    """The session on this device. Raises DeviceHeld where somebody else has it for longer than ``wait_s``."""
    session = on_device(
        work, device, progress, lambda runner, candidate: _measure(work, runner, candidate), wait_s, ahead
    )
    rate = work.sample_rate_hz
    idle = idle_or_reason(work.ledger.sessions(session.planned.study_id, mode=IDLE), rate)
    return RanOne(session, work.artifact.contract, idle)


def on_device(
    work: Work,
    device: Device,
    progress: Progress,
    schedule: Callable[[SessionRunner, Candidate], T],
    wait_s: float = 0.0,
    ahead: Ahead | None = None,
) -> T:
    """What ``schedule`` measures there, under the device's lease and in one study, which ends with it.

    Raises DeviceHeld where somebody else has it for longer than ``wait_s``.
    """
    settings = replace(work.settings, device=device.name)
    wish = SiteWish(settings.environment, settings.held, settings.threads, settings.isolate, settings.quiet_device)
    with on_site(work.ledger, device, f"run {settings.model}", wish, progress, wait_s, ahead) as site:
        runner, candidate = _runner(work, settings, site, progress)
        return finished(runner, lambda: schedule(runner, candidate))


def _runner(work: Work, settings: RunSettings, site: Site, progress: Progress) -> tuple[SessionRunner, Candidate]:
    agent, environment = site.agent, site.environment
    progress.stage("pushing", steps=1)
    work.ledger.record_artifact(work.artifact)
    more = work.more_parts
    push_blobs(agent, [*files_of(work.artifact), *more.values(), work.audio])
    clusters = [site.cluster] if site.cluster else []
    known = candidates_for(
        [work.artifact], environment.probe, threads=[settings.threads], clusters=clusters, spare=True
    )
    affinity = site.cluster.cpus if site.cluster else ()
    candidate = pick(known, settings.device, settings.provider, settings.threads, settings.options, affinity)
    study = begin_or_go_on(work.ledger, study_of(settings, work.artifact.model), progress)
    runner = SessionRunner(
        work.ledger,
        study,
        agent,
        environment,
        {"test": Material(work.audio[1], work.audio[1], (), work.words)},
        {work.artifact.sha256: work.artifact},
        progress,
        hold=site.lease,
        power=site.power,
        arriving=settings.arriving,
        suspect_reruns=0 if settings.once else 1,
        deadline_ns=deadline_ns(settings.deadline_ms),
        isolate=site.asked.steps,
        more_parts={name: blob for name, (_, blob) in more.items()},
        meter=meter_of(site.device),
        cooler=cooler_of(site.device, agent, environment, work.ledger, study, progress),
    )
    return runner, candidate


def _measure(work: Work, runner: SessionRunner, candidate: Candidate) -> Session:
    settings = work.settings
    if settings.mode == "placement":
        runner.progress.stage("placement", steps=1)
        return runner.run_all([runner.plan(candidate, "placement")])[0]
    idle_s = min(IDLE_S, settings.seconds)
    steps, idle_total_s = (3, 2 * idle_s) if measures_power(runner) else (1, 0.0)
    expected_s = idle_total_s + settings.seconds if settings.mode == "paced" else None
    runner.progress.stage(settings.mode, steps=steps, expected_s=expected_s)
    measure_idle(runner, candidate, BEFORE, idle_s)
    (session,) = runner.run_all([runner.plan(candidate, settings.mode, seconds=settings.seconds)])
    measure_idle(runner, candidate, AFTER, idle_s)
    return session


def pick(
    candidates: Sequence[Candidate],
    device: str,
    provider: str | None,
    threads: int,
    options: Sequence[SessionOption],
    affinity: tuple[int, ...],
) -> Candidate:
    """Of what the device can run the one that was asked for. Raises BadInput where there is none."""
    wanted = provider or PLAIN_PROVIDERS[candidates[0].runtime]
    for candidate in candidates:
        if candidate.affinity != affinity:
            continue
        # The fp32 graph comes with its one-thread default beside what was asked for.
        if candidate.provider in (wanted, f"{wanted}ExecutionProvider") and candidate.threads == threads:
            chosen = checked(options, candidate.runtime, candidate.provider)
            return replace(candidate, session_options=chosen)
    usable = ", ".join(sorted({c.provider for c in candidates}))
    raise BadInput(f"execution provider {wanted} cannot be used on {device}", hint=f"usable there: {usable}")
