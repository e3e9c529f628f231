"""``earshot models check``: models x formats x recipes, each exported, proven, run in a session here, and scored.

What the store and the ledger have is not done again: not an artifact, not a session, not a refusal by the same tools.
"""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents.contract import StreamContract
from agents.device_facts import DeviceProbe
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import PLAIN_PROVIDERS, Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput, BadModel, EarshotError, LeaseLost
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.models.library import find_model
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import candidates_for, unfit
from orchestrator.workflows.check_rows import NOT_MADE, CheckRow, Ran
from orchestrator.workflows.prepare import Prepared, calibration_of, prepare_model, push_material
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import require_results
from orchestrator.workflows.site import Site, SiteWish, on_site

_SPLIT = "test"
# Of a session that only shows that it runs.
_STREAM_S = 2.0


@dataclass(frozen=True)
class CheckSettings:
    """``recipes`` empty: those of every format there is. ``fresh``: sessions and refusals of before do not count."""

    models: tuple[str, ...]
    recipes: tuple[Recipe, ...] = ()
    device: str = "local"
    lab: Path | None = None
    results: Path = Path("earshot-results")
    jobs: int = 1
    fresh: bool = False

    def __post_init__(self) -> None:
        if not self.models:
            raise BadInput("name a model, or --all of them", hint="earshot models list shows them")


def check(settings: CheckSettings, progress: Progress) -> tuple[CheckRow, ...]:
    """A row for each model and recipe. A model or recipe that fails never stops the others; raises EarshotError where
    the device cannot be had."""
    require_results(settings.results)
    for name in settings.models:
        with suppress(BadModel):  # One that cannot be used is a row; one that nobody knows is a slip of the pen.
            find_model(name, settings.results / "models")
    device = find_device(load_lab(settings.lab), settings.device)
    settings.results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(settings.results / "ledger.db") as ledger:
        return tuple(row for name in settings.models for row in _rows(settings, name, ledger, device, progress))


def _rows(settings: CheckSettings, name: str, ledger: Ledger, device: Device, progress: Progress) -> Sequence[CheckRow]:
    try:
        prepared = prepare_model(name, settings.results / "models")
    except EarshotError as exc:
        return [CheckRow(name, None, None, _told(exc), NOT_MADE)]
    study = _study(settings, prepared, ledger)
    outcomes = _exported(settings, prepared, study, ledger, progress)
    artifacts = [o for o in outcomes if isinstance(o, Artifact)]
    for artifact in artifacts:
        ledger.record_artifact(artifact)
    ran: dict[Recipe, Ran | str] = {}
    if artifacts:
        with on_site(ledger, device, f"check {prepared.source.name}", SiteWish(), progress) as site:
            ran = _Checked(prepared, study, site, ledger, progress).all_of(artifacts)
    ledger.finish_study(study.study_id, "finished")
    return [_row(prepared.source.name, outcome, ran) for outcome in outcomes]


def _row(model: str, outcome: Artifact | ExportRefusal, ran: dict[Recipe, Ran | str]) -> CheckRow:
    if isinstance(outcome, Artifact):
        return CheckRow(model, outcome.recipe, outcome, None, ran[outcome.recipe])
    return CheckRow(model, outcome.recipe, None, outcome.reason, NOT_MADE)


def _exported(
    settings: CheckSettings, prepared: Prepared, study: Study, ledger: Ledger, progress: Progress
) -> list[Artifact | ExportRefusal]:
    from orchestrator.make.export.defaults import all_recipes
    from orchestrator.make.export.parallel import export_all

    recipes = settings.recipes or all_recipes(prepared.source)
    refused = dict(ledger.refusals(study.study_id))
    wanted = [r for r in recipes if str(r) not in refused]
    progress.stage(f"{prepared.source.name}: exporting", steps=max(1, len(wanted)))
    made = export_all(
        prepared.source,
        wanted,
        settings.results / "artifacts",
        calibration_of(prepared),
        settings.jobs,
        on_progress=lambda done, total, outcome: _ended(outcome, study, ledger, progress),
    )
    artifacts = {o.recipe: o for o in made if isinstance(o, Artifact)}
    refused = dict(ledger.refusals(study.study_id))
    return [artifacts.get(r) or ExportRefusal(r, refused[str(r)]) for r in recipes]


def _ended(outcome: Artifact | ExportRefusal, study: Study, ledger: Ledger, progress: Progress) -> None:
    progress.step(str(outcome.recipe))
    if isinstance(outcome, ExportRefusal):
        ledger.record_refusal(study.study_id, outcome.recipe, _with_hint(outcome.reason, outcome.hint))


def _study(settings: CheckSettings, prepared: Prepared, ledger: Ledger) -> Study:
    """The one that asked the same of this model before, by the same tools; else a new one."""
    from orchestrator.make.export.formats import all_tools

    now = datetime.now(UTC)
    study = Study(
        study_id=f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:4]}",
        model=prepared.source.name,
        device=settings.device,
        started_utc=now.isoformat(timespec="seconds"),
        settings={
            "workflow": "check",
            "model": prepared.source.name,
            "sha256": prepared.source.sha256,
            "device": settings.device,
            "evaluation": prepared.evaluation.sha256 if prepared.evaluation else None,
            "tools": all_tools(),
        },
    )
    known = [s for s in ledger.studies() if s.settings_sha256 == study.settings_sha256]
    if known and not settings.fresh:
        return known[-1]
    ledger.begin_study(study)
    return study


@dataclass(frozen=True)
class _Checked:
    """Artifacts of one model, each run once on the device."""

    prepared: Prepared
    study: Study
    site: Site
    ledger: Ledger
    progress: Progress

    def all_of(self, artifacts: Sequence[Artifact]) -> dict[Recipe, Ran | str]:
        probe = self.site.environment.probe
        reasons = {a.recipe: unfit(a, probe, a.contract.chunk_samples) for a in artifacts}
        fit = [a for a in artifacts if reasons[a.recipe] is None]
        found: dict[Recipe, Ran | str] = {recipe: reason for recipe, reason in reasons.items() if reason}
        if fit:
            with tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
                runner = self._runner(fit, self._material(fit, Path(scratch)))
                self.progress.stage(f"{self.prepared.source.name}: running", steps=len(fit))
                for artifact in fit:
                    found[artifact.recipe] = self._one(runner, artifact, probe)
                runner.forget_recorded()
        return found

    def _material(self, artifacts: Sequence[Artifact], scratch: Path) -> dict[str, Material]:
        if self.prepared.evaluation is not None:
            return push_material(self.site.agent, self.prepared, artifacts, scratch, self.progress)
        from orchestrator.make.models.probe_audio import probe_audio
        from orchestrator.make.quality.audio import write_wav

        rate = self.prepared.source.contract.sample_rate_hz
        path = scratch / "probe.wav"
        blob = write_wav(path, probe_audio(rate, _STREAM_S), rate)
        push_blobs(self.site.agent, [*(file for a in artifacts for file in files_of(a)), (path, blob)])
        return {_SPLIT: Material(blob, blob, ())}

    def _runner(self, artifacts: Sequence[Artifact], material: dict[str, Material]) -> SessionRunner:
        return SessionRunner(
            self.ledger,
            self.study,
            self.site.agent,
            self.site.environment,
            material,
            {a.sha256: a for a in artifacts},
            self.progress,
            hold=self.site.lease,
            power=self.site.power,
        )

    def _one(self, runner: SessionRunner, artifact: Artifact, probe: DeviceProbe) -> Ran | str:
        try:
            candidate = _plain(artifact, probe)
            session = self._session(runner, candidate, artifact.contract)
        except LeaseLost:
            raise
        except EarshotError as exc:
            return _told(exc)
        if not session.ok:
            return f"{session.result.failure}: {session.result.reason}"
        score = next((s for s in self.ledger.scores(self.study.study_id) if s.session_id == session.session_id), None)
        return Ran(candidate.runtime, candidate.provider, session.session_id, score, self._unscored(artifact.contract))

    def _session(self, runner: SessionRunner, candidate: Candidate, contract: StreamContract) -> Session:
        if self._unscored(contract) is not None:
            plan = runner.plan(candidate, "flat-out", seconds=_STREAM_S)
            return runner.run_all([plan], _SPLIT)[0]
        return score_candidate(runner, self.prepared, candidate, _SPLIT, 0)

    def _unscored(self, contract: StreamContract) -> str | None:
        if contract.decoder.kind == "none":
            return self.prepared.source.note or "the contract names no decoder"
        return "there is no evaluation set" if self.prepared.evaluation is None else None


def _plain(artifact: Artifact, probe: DeviceProbe) -> Candidate:
    """On one thread, with the provider that the runtime takes by itself where the device has it."""
    known = candidates_for([artifact], probe, threads=[1])
    return next((c for c in known if c.provider == PLAIN_PROVIDERS.get(c.runtime)), known[0])


def _told(exc: EarshotError) -> str:
    return _with_hint(exc.message, exc.hint)


def _with_hint(message: str, hint: str | None) -> str:
    return f"{message} ({hint})" if hint else message
