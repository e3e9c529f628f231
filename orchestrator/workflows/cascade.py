"""``earshot cascade``: sessions of one cascade, or of several in turn, on one device."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents.contract import StreamContract
from agents.strict_json import to_json
from orchestrator.domain.cascade import CASCADE, Cascade
from orchestrator.domain.cascade_path import CascadeTimes
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.farm.interleave import block_order
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.cascade_audio import Heard, own_audio, spaced
from orchestrator.workflows.cascade_file import WantedCascade
from orchestrator.workflows.cascade_stages import MadeStage, cascade_on, make_stages
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.fleet import failed_session
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.prepare import prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.reserve import first_free
from orchestrator.workflows.run_study import begin_or_go_on, finished
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import require_duration, require_results
from orchestrator.workflows.site import Site, SiteWish, on_site

WORKFLOW = "cascade"


@dataclass(frozen=True)
class CascadeSettings:
    """``files``: one, or several that take turns. ``runs`` fresh processes of each, of ``seconds`` of audio."""

    files: tuple[WantedCascade, ...]
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    seconds: float = 60.0
    runs: int = 1
    seed: int = 0
    wait_s: float = 0.0
    wish: SiteWish = field(default_factory=SiteWish)

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if self.runs < 1:
            raise BadInput(f"runs must be >= 1, got {self.runs}")

    def question(self, device: str) -> dict[str, object]:
        """All that makes this another question: the same one goes on where it was interrupted."""
        return {
            "workflow": WORKFLOW,
            "files": [file.question() for file in self.files],
            "device": device,
            "lab": str(self.lab) if self.lab else None,
            "seconds": self.seconds,
            "runs": self.runs,
            "seed": self.seed,
            "wish": to_json(self.wish),
        }


@dataclass(frozen=True)
class RanCascade:
    """Sessions of one cascade that ended well; they are in the ledger. ``text``: the contract of the stage that makes
    text.
    """

    cascade: Cascade
    text: StreamContract
    sessions: tuple[Session, ...]

    @property
    def times(self) -> tuple[CascadeTimes, ...]:
        return tuple(CascadeTimes(session, self.text.sample_rate_hz) for session in self.sessions)


@dataclass(frozen=True)
class _Made:
    wanted: WantedCascade
    stages: tuple[MadeStage, ...]
    heard: Heard


def run_cascades(settings: CascadeSettings, progress: Progress, ahead: Ahead | None = None) -> list[RanCascade]:
    """Raises EarshotError; SessionFailed where a session failed twice."""
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    require_results(settings.results)
    with tempfile.TemporaryDirectory(prefix="earshot-") as scratch, ExitStack() as stack:
        made = [_make(file, settings, Path(scratch) / str(n), progress) for n, file in enumerate(settings.files)]
        settings.results.mkdir(parents=True, exist_ok=True)
        ledger = stack.enter_context(Ledger.open(settings.results / "ledger.db"))
        devices = choose_devices(lab, settings.device, ledger, progress, one=True)[0]
        attempt = lambda device, wait_s: _on(settings, ledger, device, made, progress, wait_s, ahead)  # noqa: E731
        return first_free(devices, attempt, settings.wait_s)


def _make(wanted: WantedCascade, settings: CascadeSettings, folder: Path, progress: Progress) -> _Made:
    stages = make_stages(wanted, settings.results, progress)
    folder.mkdir()
    text, audio = stages[1], wanted.audio
    if audio.file is not None:
        return _Made(wanted, stages, own_audio(audio.file, text.contract.sample_rate_hz, folder))
    source = prepare_model(audio.model, settings.results / "models") if audio.model else text.prepared
    evaluation = source.needed_evaluation()
    labels = text.contract.decoder.labels
    return _Made(wanted, stages, spaced(evaluation, audio.split, audio.pause_ms, labels, folder))


def _on(
    settings: CascadeSettings,
    ledger: Ledger,
    device: Device,
    made: Sequence[_Made],
    progress: Progress,
    wait_s: float,
    ahead: Ahead | None,
) -> list[RanCascade]:
    with on_site(ledger, device, WORKFLOW, settings.wish, progress, wait_s, ahead) as site:
        cascades = [cascade_on(each.wanted, each.stages, site) for each in made]
        if len({cascade.key for cascade in cascades}) < len(cascades):
            names = " and ".join(cascade.name for cascade in cascades)
            raise BadInput(f"{names} run the very same", hint="change a recipe, a provider or the order in one of them")
        runner = _runner(settings, ledger, made, site, progress)
        return finished(runner, lambda: _measure(settings, runner, made, cascades))


def _runner(
    settings: CascadeSettings, ledger: Ledger, made: Sequence[_Made], site: Site, progress: Progress
) -> SessionRunner:
    progress.stage("pushing", steps=1)
    artifacts = {stage.artifact.sha256: stage.artifact for each in made for stage in each.stages}
    for artifact in artifacts.values():
        ledger.record_artifact(artifact)
    files = [file for artifact in artifacts.values() for file in files_of(artifact)]
    report = push_blobs(site.agent, [*files, *(each.heard.file for each in made)])
    progress.step(f"{len(report.pushed)} files, {report.bytes_sent / 1e6:.1f} MB sent")
    study = begin_or_go_on(ledger, _study(settings, site.device.name), progress)
    return SessionRunner(
        ledger,
        study,
        site.agent,
        site.environment,
        {str(n): Material(each.heard.file[1], each.heard.file[1], (), each.heard.words) for n, each in enumerate(made)},
        artifacts,
        progress,
        settings.seed,
        hold=site.lease,
        power=site.power,
        suspect_reruns=settings.runs,
        isolate=site.asked.steps,
        meter=meter_of(site.device),
        cooler=cooler_of(site.device, site.agent, site.environment, ledger, study, progress),
    )


def _measure(
    settings: CascadeSettings, runner: SessionRunner, made: Sequence[_Made], cascades: Sequence[Cascade]
) -> list[RanCascade]:
    steps = settings.runs * len(cascades)
    runner.progress.stage("cascade", steps=steps, expected_s=steps * settings.seconds)
    sessions: dict[int, list[Session]] = {number: [] for number in range(len(cascades))}
    for block in range(settings.runs):
        order = block_order(list(enumerate(cascades)), block, settings.seed)
        for position, (number, cascade) in enumerate(order):
            runner.progress.step(cascade.name)
            planned = runner.plan(
                cascade.stages[0].candidate,
                CASCADE,
                seconds=settings.seconds,
                block=block,
                position=position,
                cascade=cascade,
            )
            session = runner.run(planned, str(number))
            if not session.ok:
                raise failed_session(session, settings.results)
            sessions[number].append(session)
    return [
        RanCascade(cascade, made[number].stages[1].contract, tuple(sessions[number]))
        for number, cascade in enumerate(cascades)
    ]


def _study(settings: CascadeSettings, device: str) -> Study:
    now = datetime.now(UTC)
    return Study(
        f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        f"{WORKFLOW} {' / '.join(file.name for file in settings.files)}",
        device,
        now.isoformat(timespec="seconds"),
        settings.question(device),
    )
