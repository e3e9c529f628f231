"""``earshot tune``: export -> push -> stream -> measure -> select -> re-export -> verify, resumable at any point."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from orchestrator.decide.bundle.bundle import write_bundle
from orchestrator.domain.decision import Decision
from orchestrator.domain.rounds import Rounds
from orchestrator.domain.study import Study
from orchestrator.errors import EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rounds import rounds_of
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.measure.lab.lease import Hold, abandon_all
from orchestrator.tell.report.page import write_report
from orchestrator.workflows.again import report_content
from orchestrator.workflows.candidates import allowed_chunk, require_a_chunk
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.enough_audio import require_enough
from orchestrator.workflows.prepare import Prepared, export_candidates, prepare_model
from orchestrator.workflows.progress import FleetProgress, Progress
from orchestrator.workflows.race import Race
from orchestrator.workflows.reserve import first_free, reserved
from orchestrator.workflows.rounds import run_rounds
from orchestrator.workflows.search_space import Pruned
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.settings import TuneSettings, require_results
from orchestrator.workflows.settle import settle
from orchestrator.workflows.unit import StudyWork, on_unit
from orchestrator.workflows.unit_spread import UnitSpread, unit_spread
from orchestrator.workflows.user_words import user_words
from orchestrator.workflows.warm_start import WarmStart, warm_start

T = TypeVar("T")


@dataclass(frozen=True)
class TuneOutcome:
    """``resumed``: sessions of an interrupted study of the same question were used and not measured again. ``pruned``:
    what was not tried, and why. ``first_looks``: who was looked at first, because of other devices. ``spread``: how far
    several units of the device model differ. ``rounds`` of re-export, where any were asked for.
    """

    decision: Decision
    study: Study
    report: Path
    ledger: Path
    bundle: Path | None
    resumed: bool
    pruned: tuple[Pruned, ...] = ()
    first_looks: tuple[WarmStart, ...] = ()
    spread: tuple[UnitSpread, ...] = ()
    rounds: Rounds | None = None


def tune(settings: TuneSettings, progress: FleetProgress) -> TuneOutcome:
    """Raises EarshotError; what was measured until then stays in the ledger and the same call goes on from there."""
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    with prepared_tune(settings, progress) as (prepared, ledger):
        devices = choose_devices(lab, settings.device, ledger, progress, one=True)[0]
        # Where any of several will do, the one whose study waits to be finished.
        started = {d.name for d in devices if ledger.unfinished_study(_question(replace(settings, device=d.name)))}
        return first_free(
            sorted(devices, key=lambda device: device.name not in started),
            lambda device, wait_s: tune_on(
                replace(settings, device=device.name, wait_s=wait_s), prepared, ledger, [device], progress
            ),
            settings.wait_s,
        )


@contextmanager
def prepared_tune(settings: TuneSettings, progress: Progress) -> Iterator[tuple[Prepared, Ledger]]:
    """The model with its evaluation set, and the ledger. Raises BadInput before minutes are spent on exports."""
    require_results(settings.results)
    progress.stage(f"reading {settings.model} and its evaluation set", steps=1)
    prepared = prepare_model(settings.model, settings.models_dir)
    contract = prepared.source.contract
    chunk_samples = allowed_chunk(contract, settings.chunk_ms) or contract.chunk_samples
    user_words(prepared.source, settings.user_words)
    heard = round(prepared.needed_evaluation().duration_s("test") * contract.sample_rate_hz)
    require_a_chunk(contract, chunk_samples, heard, "the evaluation set")
    require_enough(prepared, settings.constraints, progress)
    settings.results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(settings.ledger_path) as ledger:
        yield prepared, ledger


def _question(settings: TuneSettings) -> str:
    return Study("", settings.model, settings.device, "", settings.question()).settings_sha256


def tune_on(
    settings: TuneSettings,
    prepared: Prepared,
    ledger: Ledger,
    devices: Sequence[Device],
    progress: FleetProgress,
    report_name: str = "report.html",
    begun: Callable[[Race], None] = lambda race: None,
) -> TuneOutcome:
    """One study on the units of one device model. Interrupted, what can be decided by then is in the ledger; in a
    thread, who interrupts it says so (``decided_so_far``) of the race that ``begun`` was told.
    """
    with ExitStack() as stack:
        purpose = f"tune {settings.model}"

        def take(device: Device) -> Hold:
            return stack.enter_context(reserved(ledger, device, purpose, progress, wait_s=settings.wait_s))

        held = _each_that_can(devices, take, progress)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earshot-")))
        study, resumed = _begin(ledger, settings, prepared.source.name, progress)
        exported = export_candidates(
            prepared, settings.recipes, settings.artifacts_dir, jobs=os.cpu_count() or 1, progress=progress
        )
        for artifact in exported.artifacts:
            ledger.record_artifact(artifact)
        for refusal in exported.refusals:
            ledger.record_refusal(study.study_id, refusal.recipe, refusal.reason)
        work = StudyWork(settings, prepared, study, {a.sha256: a for a in exported.artifacts}, scratch)

        def reach(device: Device) -> SessionRunner:
            own = progress if len(devices) == 1 else progress.device(device.name)
            return stack.enter_context(on_unit(work, ledger, device, held[device.name], own))

        runners = list(_each_that_can([d for d in devices if d.name in held], reach, progress).values())
        first = warm_start(ledger, study, runners[0].environment)
        for one in first:
            progress.note(one.sentence)
        race = Race(settings, prepared, exported, runners[0], tuple(runners[1:]), tuple(one.key for one in first))
        begun(race)
        decision = _decided(race, ledger, progress)
        spread = unit_spread(decision, ledger.sessions(study.study_id), exported.artifacts)
        ledger.record_decision(decision)
        ledger.finish_study(study.study_id, "finished")
        rounds = rounds_of(ledger, study.study_id)
        outcome = conclude(ledger, study, settings.results, report_name)
    return replace(outcome, resumed=resumed, pruned=race.pruned, first_looks=first, spread=spread, rounds=rounds)


def _each_that_can(devices: Sequence[Device], do: Callable[[Device], T], progress: Progress) -> dict[str, T]:
    """By name. What fails for one unit leaves the others alone; raises EarshotError where it fails for all."""
    found: dict[str, T] = {}
    for device in devices:
        try:
            found[device.name] = do(device)
        except EarshotError as exc:
            if not found and device is devices[-1]:
                raise
            progress.note(f"{device.name} is left out: {exc.message}")
    return found


def _decided(race: Race, ledger: Ledger, progress: Progress) -> Decision:
    try:
        decision = race.run()
        if race.settings.rounds:
            decision = run_rounds(race, decision, race.settings.rounds)
        ledger.record_decision(decision)
        return settle(race, decision)
    except KeyboardInterrupt:
        if race.units.count > 1:
            # Threads that nobody waits for may still measure; their devices are given back.
            abandon_all()
        decided_so_far(race, ledger, progress)
        raise


def decided_so_far(race: Race, ledger: Ledger, progress: Progress) -> None:
    """Into the ledger, where somebody was raced by now: what `earshot report` and `earshot select` show until the study
    goes on.
    """
    decision = race.decide()
    if decision.winner is not None:
        ledger.record_decision(decision)
        progress.note(f"so far: {decision.sentence}")


def _begin(ledger: Ledger, settings: TuneSettings, model: str, progress: Progress) -> tuple[Study, bool]:
    """``model``: the name that its artifacts have, where the settings may say a path."""
    now = datetime.now(UTC)
    study = Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=model,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings=settings.question(),
    )
    unfinished = ledger.unfinished_study(study.settings_sha256)
    if unfinished is not None and not settings.fresh:
        count = len(ledger.finished_ids(unfinished.study_id))
        progress.note(f"going on with study {unfinished.study_id}: {count} sessions are in the ledger already")
        return unfinished, True
    if unfinished is not None:
        ledger.finish_study(unfinished.study_id, "abandoned")
    ledger.begin_study(study)
    return study, False


def conclude(ledger: Ledger, study: Study, results: Path, report_name: str = "report.html") -> TuneOutcome:
    """Report and bundle from what the ledger holds."""
    content = report_content(ledger, study)
    report = results / report_name
    write_report(report, content)
    decision = content.decision
    bundle = None
    if decision.winner is not None:
        bundle = write_bundle(results / "bundles", decision, content.artifacts, content.sessions)
    return TuneOutcome(decision, study, report, results / "ledger.db", bundle, resumed=False)
