"""``earshot run``: one session of one configuration, on one device."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from agents import wire
from agents.contract import StreamContract
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import PLAIN_PROVIDERS, Candidate
from orchestrator.domain.energy import Idle, idle_or_reason
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import IDLE, MULTI, Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, EarshotError, ExportFailed, LeaseLost, SessionFailed, Unreachable
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.arriving import Arriving
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import candidates_for, require_a_chunk
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.held import Wish
from orchestrator.workflows.idle import AFTER, BEFORE, IDLE_S, measure_idle, measures_power
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.option_axis import SessionOption, checked
from orchestrator.workflows.prepare import (
    Prepared,
    export_candidates,
    prepare_model,
)
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.reserve import first_free
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import deadline_ns, require_duration, require_results
from orchestrator.workflows.site import Site, SiteWish, on_site
from orchestrator.workflows.spoken import SpokenWords, spoken_words
from orchestrator.workflows.streams_wanted import StreamsWanted
from orchestrator.workflows.user_words import user_words

_OTHER_RECIPE = "choose another --recipe; earshot models export shows which ones this model can have"

# A session that was interrupted is collected by the same command within this; a later one wants a new measurement.
_COLLECT_WITHIN_S = 3600.0
T = TypeVar("T")


@dataclass(frozen=True)
class RunSettings:
    """``provider`` None: the runtime's own choice. ``audio`` None: the model's evaluation set. ``seconds`` of audio,
    looped. ``device``: a name, or any:TAG. ``wait_s``: how long to wait for a device that somebody else has.
    ``quiet_device``: make the changes that the doctor proposes, and undo them afterwards. ``environment``: the device's
    Python environment; None: its default. ``arriving``: how the chunks of a paced session come. ``deadline_ms`` of a
    chunk; None: its duration. ``split`` of the evaluation set. ``once``: also a session that something disturbed is not
    run again. ``streams``: of mode multi, see ``orchestrator.workflows.streams``; ``seconds`` are then those of each of
    its sessions. ``held``: the CPUs that it is held to; ``isolate``: steps of isolation, None: the lab file's.
    ``user_words``: a user's own, beside the model's lexicon.
    """

    model: str
    recipe: Recipe
    mode: str = "paced"
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    provider: str | None = None
    options: tuple[SessionOption, ...] = ()
    threads: int = 1
    seconds: float = 10.0
    audio: Path | None = None
    wait_s: float = 0.0
    quiet_device: bool = False
    environment: str | None = None
    arriving: Arriving = field(default_factory=Arriving)
    once: bool = False
    deadline_ms: float | None = None
    split: str = "test"
    streams: StreamsWanted | None = None
    held: Wish = field(default_factory=Wish)
    isolate: tuple[str, ...] | None = None
    user_words: Path | None = None

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if deadline_ns(self.deadline_ms) is not None and self.mode == "flat-out":
            raise BadInput("nothing arrives in mode flat-out, so that no chunk has a deadline")
        if self.audio is not None and self.split != "test":
            raise BadInput(f"--split {self.split} is of the evaluation set, --audio is your own: give one of them")
        if self.mode not in ("paced", "flat-out", "placement", MULTI):
            raise BadInput(f"mode must be paced, flat-out, placement or multi, got {self.mode!r}")
        if (self.mode == MULTI) != (self.streams is not None):
            raise BadInput(f"mode multi, and no other, searches for a number of streams, got mode {self.mode!r}")
        if self.mode in ("flat-out", "placement") and self.arriving != Arriving():
            raise BadInput(f"nothing arrives in mode {self.mode}: policy, ring and arrival trace belong to mode paced")


@dataclass(frozen=True)
class Made:
    """``words``: when they are spoken in the audio; None where nobody said. ``more_parts``: of the session."""

    artifact: Artifact
    audio: tuple[Path, wire.Blob]
    words: SpokenWords | None = None
    more_parts: dict[str, tuple[Path, wire.Blob]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What the session needs on whatever device: made once, and the same for all of them.

    ``making`` may still be under way: ``artifact`` and ``audio`` wait for it, and raise what went wrong.
    """

    settings: RunSettings
    ledger: Ledger
    making: Future[Made]

    @property
    def artifact(self) -> Artifact:
        return self.making.result().artifact

    @property
    def audio(self) -> tuple[Path, wire.Blob]:
        return self.making.result().audio

    @property
    def words(self) -> SpokenWords | None:
        return self.making.result().words

    @property
    def more_parts(self) -> dict[str, tuple[Path, wire.Blob]]:
        return self.making.result().more_parts

    @property
    def sample_rate_hz(self) -> int:
        return self.artifact.contract.sample_rate_hz


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


@contextmanager
def prepared_work(settings: RunSettings, progress: Progress) -> Iterator[Work]:
    """Model, artifact and audio, and the ledger. Raises EarshotError where they cannot be had.

    What was made before is read while the device is reached; no device waits for an export.
    """
    require_results(settings.results)
    path = settings.results / "ledger.db"
    if not path.exists():
        # A model that cannot be run leaves no folder behind.
        prepare_model(settings.model, settings.results / "models")
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1) as beside:
        making = beside.submit(_make, settings, Path(scratch), progress)
        with Ledger.open(path) as ledger:
            if all(known.recipe != settings.recipe for known in ledger.artifacts(settings.model)):
                making.result()
            yield Work(settings, ledger, making)


def _make(settings: RunSettings, scratch: Path, progress: Progress) -> Made:
    prepared = prepare_model(settings.model, settings.results / "models")
    if settings.audio is None and prepared.evaluation is None:
        raise BadInput(
            f"{prepared.source.name} has no evaluation set to stream", hint="give it audio: --audio FILE.wav"
        )
    more = user_words(prepared.source, settings.user_words)
    audio = _audio(settings, prepared, scratch)
    artifact = exported_one(prepared, settings.recipe, settings.results, progress)
    return Made(artifact, audio, _words(settings, prepared), more)


def exported_one(prepared: Prepared, recipe: Recipe, results: Path, progress: Progress) -> Artifact:
    """The artifact of one recipe. Raises ExportFailed where it was refused."""
    exported = export_candidates(prepared, [recipe], results / "artifacts", jobs=os.cpu_count() or 1, progress=progress)
    artifact = next((a for a in exported.artifacts if a.recipe == recipe), None)
    if artifact is None:
        refused = next(r for r in exported.refusals if r.recipe == recipe)
        raise ExportFailed(f"{recipe} was refused: {refused.reason}", hint=refused.hint or _OTHER_RECIPE)
    return artifact


def _words(settings: RunSettings, prepared: Prepared) -> SpokenWords | None:
    if settings.audio is not None:
        return None
    return spoken_words(prepared.needed_evaluation(), settings.split, prepared.source.contract.decoder.labels)


def _audio(settings: RunSettings, prepared: Prepared, scratch: Path) -> tuple[Path, wire.Blob]:
    contract = prepared.source.contract
    if settings.audio is None:
        evaluation = prepared.needed_evaluation()
        path, blob, _ = evaluation.wav(settings.split, scratch)
        heard = len(evaluation.pcm(settings.split))
        require_a_chunk(contract, contract.chunk_samples, heard, f"split {settings.split} of the evaluation set")
        return path, blob
    from orchestrator.make.quality.audio import read_audio, write_wav

    rate = contract.sample_rate_hz
    path, samples = scratch / "own.wav", read_audio(settings.audio, rate)
    require_a_chunk(contract, contract.chunk_samples, len(samples), str(settings.audio))
    return path, write_wav(path, samples, rate)


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
    study = begin_or_go_on(work.ledger, _study(settings), progress)
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


def finished(runner: SessionRunner, measured: Callable[[], T]) -> T:
    """What was measured, with the study finished; left open where the same command goes on with it."""
    ledger, study_id = runner.ledger, runner.study.study_id
    try:
        found = measured()
    except EarshotError as exc:
        # It may go on there, or have to make room for somebody: the same command collects it, or runs it then.
        if not isinstance(exc, Unreachable | LeaseLost | SessionFailed):
            ledger.finish_study(study_id, "abandoned")
        raise
    ledger.finish_study(study_id, "finished")
    runner.forget_recorded()
    return found


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


def begin_or_go_on(ledger: Ledger, study: Study, progress: Progress) -> Study:
    """This new study, or the same command's that was interrupted a short while ago."""
    interrupted = ledger.unfinished_study(study.settings_sha256)
    if interrupted is not None:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(interrupted.started_utc)).total_seconds()
        if 0 <= age_s <= _COLLECT_WITHIN_S:
            progress.note(f"going on with what was started at {interrupted.started_utc} on {study.device}")
            return interrupted
        ledger.finish_study(interrupted.study_id, "abandoned")
    ledger.begin_study(study)
    return study


def _study(settings: RunSettings) -> Study:
    now = datetime.now(UTC)
    return Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=settings.model,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings={
            "workflow": "run",
            "model": settings.model,
            "device": settings.device,
            "lab": str(settings.lab) if settings.lab else None,
            "mode": settings.mode,
            "recipe": str(settings.recipe),
            "provider": settings.provider,
            **({"options": [str(o) for o in settings.options]} if settings.options else {}),
            "threads": settings.threads,
            "seconds": settings.seconds,
            "audio": str(settings.audio) if settings.audio else None,
            "quiet_device": settings.quiet_device,
            "environment": settings.environment,
            "arriving": asdict(settings.arriving),
            "deadline_ms": settings.deadline_ms,
            "split": settings.split,
            "held": asdict(settings.held),
            "isolate": settings.isolate,
            **({"user_words": str(settings.user_words)} if settings.user_words else {}),
            "streams": asdict(settings.streams) if settings.streams else None,
        },
    )
