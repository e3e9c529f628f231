"""``earshot tune``: export -> push -> stream -> measure -> select -> re-export -> verify, resumable at any point."""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from orchestrator.decide.bundle.bundle import write_bundle
from orchestrator.domain.cluster import named
from orchestrator.domain.decision import Decision
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.tell.report.page import write_report
from orchestrator.workflows.again import report_content
from orchestrator.workflows.candidates import allowed_chunk, require_a_chunk
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.cooling import cooler_of
from orchestrator.workflows.isolating import isolation_for
from orchestrator.workflows.metering import meter_of
from orchestrator.workflows.places import Place, other_places
from orchestrator.workflows.prepare import (
    Prepared,
    deploy_agent,
    export_candidates,
    prepare_model,
    push_material,
)
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.race import Race
from orchestrator.workflows.reach import in_environment
from orchestrator.workflows.reserve import PowerCycle, first_free, reserved
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.settings import TuneSettings, deadline_ns, require_results
from orchestrator.workflows.verification import verify_winner

# Sessions that a study runs once more because something disturbed them; what disturbs more of them will not go away.
_SUSPECT_RERUNS = 6


@dataclass(frozen=True)
class TuneOutcome:
    """``resumed``: sessions of an interrupted study of the same question were used and not measured again."""

    decision: Decision
    study: Study
    report: Path
    ledger: Path
    bundle: Path | None
    resumed: bool


def tune(settings: TuneSettings, progress: Progress) -> TuneOutcome:
    """Raises EarshotError; what was measured until then stays in the ledger and the same call goes on from there."""
    require_results(settings.results)
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    progress.stage(f"reading {settings.model} and its evaluation set", steps=1)
    prepared = prepare_model(settings.model, settings.models_dir)
    # Before minutes are spent on exports.
    contract = prepared.source.contract
    chunk_samples = allowed_chunk(contract, settings.chunk_ms) or contract.chunk_samples
    heard = round(prepared.needed_evaluation().duration_s("test") * contract.sample_rate_hz)
    require_a_chunk(contract, chunk_samples, heard, "the evaluation set")
    settings.results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(settings.ledger_path) as ledger:
        devices = choose_devices(lab, settings.device, ledger, progress, one=True)[0]
        # Where any of several will do, the one whose study waits to be finished.
        started = {d.name for d in devices if ledger.unfinished_study(_question(replace(settings, device=d.name)))}
        return first_free(
            sorted(devices, key=lambda device: device.name not in started),
            lambda device, wait_s: _tune_on(
                replace(settings, device=device.name, wait_s=wait_s), prepared, ledger, device, progress
            ),
            settings.wait_s,
        )


def _question(settings: TuneSettings) -> str:
    return Study("", settings.model, settings.device, "", settings.question()).settings_sha256


def _tune_on(
    settings: TuneSettings, prepared: Prepared, ledger: Ledger, device: Device, progress: Progress
) -> TuneOutcome:
    purpose = f"tune {settings.model}"
    with (
        reserved(ledger, device, purpose, progress, wait_s=settings.wait_s) as held,
        tempfile.TemporaryDirectory(prefix="earshot-") as scratch,
    ):
        study, resumed = _begin(ledger, settings, progress)
        exported = export_candidates(
            prepared, settings.recipes, settings.artifacts_dir, jobs=os.cpu_count() or 1, progress=progress
        )
        for artifact in exported.artifacts:
            ledger.record_artifact(artifact)
        for refusal in exported.refusals:
            ledger.record_refusal(study.study_id, refusal.recipe, refusal.reason)
        power = PowerCycle(ledger, device, progress)
        chosen = in_environment(device, settings.environment)
        agent, environment = power.reach(lambda: deploy_agent(chosen, progress, ledger))
        with agent.transport, held.on_device(agent), ExitStack() as stack:
            asked = isolation_for(device, settings.isolate, named(environment.probe, device.name, settings.clusters))
            quiet = quieted(agent, device, progress.note, wanted=settings.quiet_device, asked=asked)
            environment = replace(environment, isolation=stack.enter_context(quiet))
            here = Place(agent, environment)
            places = other_places(device, here, progress) if settings.environment is None else {}
            material = push_material(agent, prepared, exported.artifacts, Path(scratch), progress)
            runner = SessionRunner(
                ledger,
                study,
                agent,
                environment,
                material,
                {a.sha256: a for a in exported.artifacts},
                progress,
                settings.seed,
                hold=held,
                power=power,
                isolate=asked.steps,
                meter=meter_of(device),
                cooler=cooler_of(device, agent, environment, ledger, study, progress),
                suspect_reruns=0 if settings.allow_suspect else _SUSPECT_RERUNS,
                deadline_ns=deadline_ns(settings.deadline_ms),
                places=places,
            )
            decision = Race(settings, prepared, exported, runner).run()
            if decision.winner is not None:
                decision = verify_winner(
                    decision, prepared, runner, paced_s=settings.paced_s, artifacts_dir=settings.artifacts_dir
                )
            runner.forget_recorded()
        ledger.record_decision(decision)
        ledger.finish_study(study.study_id, "finished")
        outcome = conclude(ledger, study, settings.results)
        return replace(outcome, resumed=resumed)


def _begin(ledger: Ledger, settings: TuneSettings, progress: Progress) -> tuple[Study, bool]:
    now = datetime.now(UTC)
    study = Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=settings.model,
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


def conclude(ledger: Ledger, study: Study, results: Path) -> TuneOutcome:
    """Report and bundle from what the ledger holds."""
    content = report_content(ledger, study)
    report = results / "report.html"
    write_report(report, content)
    decision = content.decision
    bundle = None
    if decision.winner is not None:
        bundle = write_bundle(results / "bundles", decision, content.artifacts, content.sessions)
    return TuneOutcome(decision, study, report, results / "ledger.db", bundle, resumed=False)
