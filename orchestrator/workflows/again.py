"""What can be said anew from the ledger without measuring: another decision, the report."""

from pathlib import Path

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.decision import Decision
from orchestrator.domain.state_drift import ShownDrift
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.observer import on_off_of
from orchestrator.ledger.rounds import rounds_of
from orchestrator.ledger.streams import streams_held
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.page import write_report
from orchestrator.workflows.drift_shown import drift_shown
from orchestrator.workflows.elsewhere import measured_elsewhere
from orchestrator.workflows.heat import heat_of
from orchestrator.workflows.set_aside import aside_in, decide_without

_TUNE = "tune"


def decide_again(results: Path, study_id: str | None, objective: Objective, constraints: Constraints) -> Decision:
    """Raises LedgerError without a ledger, BadInput for an unknown study or one that has measured nothing yet."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        study = _study(ledger, study_id)
        sessions = ledger.sessions(study.study_id)
        if not sessions:
            raise BadInput(f"study {study.study_id} was interrupted before its first session", hint=_again(study))
        return decide_without(
            aside_in(ledger.decision(study.study_id)),
            sessions,
            study=study,
            artifacts=ledger.artifacts(study.model),
            scores=ledger.scores(study.study_id),
            objective=objective,
            constraints=constraints,
            policy=Policy(allow_suspect=bool(study.settings.get("allow_suspect"))),
            elsewhere=measured_elsewhere(ledger, study.model, study.device),
            heat=heat_of(ledger, study.model, study.device),
        )


def report_again(results: Path, study_id: str | None, output: Path | None = None) -> Path:
    """``study_id`` None: the newest study that is decided. Raises LedgerError without a ledger, BadInput for an unknown
    study or one that was not decided yet.
    """
    path = output or results / "report.html"
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        study = _study(ledger, study_id, decided=True)
        write_report(path, report_content(ledger, study))
    return path


def report_content(ledger: Ledger, study: Study) -> ReportContent:
    """All that the report shows of a study. Raises BadInput where it has no decision."""
    decision = ledger.decision(study.study_id)
    if decision is None:
        raise BadInput(f"study {study.study_id} was interrupted before its decision", hint=_again(study))
    sessions = ledger.sessions(study.study_id)
    return ReportContent(
        study=study,
        decision=decision,
        sessions=sessions,
        scores=ledger.scores(study.study_id),
        artifacts=artifacts_of(ledger, study),
        refusals=ledger.refusals(study.study_id),
        streams=streams_held(ledger, study.device, study.model),
        heat=heat_of(ledger, study.model, study.device),
        drift=_drift(ledger, decision),
        rounds=rounds_of(ledger, study.study_id),
        on_off=on_off_of(ledger, study.device),
    )


def _drift(ledger: Ledger, decision: Decision) -> ShownDrift | None:
    winner = None if decision.winner is None else decision.of(decision.winner)
    return None if winner is None else drift_shown(ledger, winner.candidate.artifact_sha256)


def artifacts_of(ledger: Ledger, study: Study) -> list[Artifact]:
    """The artifacts that sessions of the study ran."""
    used = {s.planned.candidate.artifact_sha256 for s in ledger.sessions(study.study_id, with_arrays=False)}
    return [a for a in ledger.artifacts(study.model) if a.sha256 in used]


def _study(ledger: Ledger, study_id: str | None, *, decided: bool = False) -> Study:
    """The study of that id, or the newest one of ``earshot tune``, with ``decided`` the newest that has its decision
    where one has.
    """
    tunes = [s for s in ledger.studies() if s.settings.get("workflow") == _TUNE]
    if study_id is None:
        if not tunes:
            raise BadInput(f"the ledger {ledger.place} holds no study of earshot tune yet", hint="earshot tune kws")
        done = [s for s in tunes if ledger.decision(s.study_id) is not None] if decided else []
        return (done or tunes)[-1]
    study = ledger.study(study_id)
    newest = ", ".join(s.study_id for s in tunes[-5:])
    if study is None:
        hint = f"the newest are {newest}" if newest else "there is none yet: run earshot tune first"
        raise BadInput(f"no study {study_id!r} in {ledger.place}", hint=hint)
    if study not in tunes:
        raise BadInput(
            f"study {study_id} is one session of earshot {study.settings.get('workflow')}: there is nothing to decide",
            hint=f"earshot ledger percentiles {study_id} shows it; studies of earshot tune: {newest or 'none yet'}",
        )
    return study


def _again(study: Study) -> str:
    asked = study.settings.get("model", study.model)
    return f"give its command again, it goes on from there: earshot tune {asked} --device {study.device} ..."
