"""From what a person types to one side of a comparison: sessions by id, or a candidate of a study."""

import difflib
from collections.abc import Sequence

from orchestrator.decide.comparison.runs import Side
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.queries import sessions_frame

FORM = "a side is SESSION, SESSION,SESSION,... or STUDY:CANDIDATE; candidates are winner, default, a recipe or a key"
TIMED = ("paced", "flat-out")
_KEY_DIGITS = 6
ALONE = "device to itself"


def side_of(ledger: Ledger, text: str, mode: str | None = None) -> Side:
    """``mode`` None: of a study the paced sessions where it has any, else the flat-out ones. Raises BadInput."""
    study_id, _, wanted = text.partition(":")
    study = ledger.study(study_id)
    if study is not None:
        return _of_study(ledger, text, study, wanted, mode)
    sessions = [_session(ledger, name, text) for name in text.split(",")]
    return _side(ledger, text, sessions)


def _session(ledger: Ledger, name: str, text: str) -> Session:
    session = ledger.session(name)
    if session is None:
        raise BadInput(f"no study or session {name!r} in {ledger.place}", hint=_nearest(ledger, name))
    if session.planned.mode not in TIMED:
        raise BadInput(f"session {name} is a {session.planned.mode} one, which has no times", hint=FORM)
    return session


def _nearest(ledger: Ledger, name: str) -> str:
    known = [*sessions_frame(ledger)["session_id"], *(study.study_id for study in ledger.studies())]
    near = difflib.get_close_matches(name.partition(":")[0], known, n=1, cutoff=0.4)
    return f"did you mean {near[0]}? {FORM}" if near else f"earshot ledger sessions lists them; {FORM}"


def _of_study(ledger: Ledger, text: str, study: Study, wanted: str, mode: str | None) -> Side:
    found = [
        s
        for s in ledger.sessions(study.study_id)
        if s.planned.mode in TIMED and s.planned.block < VERIFY_BLOCK and mode in (None, s.planned.mode)
    ]
    if not found:
        raise BadInput(f"study {study.study_id} has no {mode or 'timed'} session", hint="earshot ledger sessions STUDY")
    candidate = _candidate(
        ledger, study, wanted, list({s.planned.candidate.key: s.planned.candidate for s in found}.values())
    )
    own = [s for s in found if s.planned.candidate.key == candidate.key]
    paced = [s for s in own if s.planned.mode == "paced"]
    return _side(ledger, text, paced or own)


def _candidate(ledger: Ledger, study: Study, wanted: str, known: Sequence[Candidate]) -> Candidate:
    if not wanted and len(known) == 1:
        return known[0]
    decision = ledger.decision(study.study_id)
    winner = decision.winner if decision else None
    default = default_of(known)
    matches = [
        candidate
        for candidate in known
        if wanted in (candidate.key, candidate.label, str(candidate.recipe))
        or (len(wanted) >= _KEY_DIGITS and candidate.key.startswith(wanted))
        or (wanted == "winner" and candidate.key == winner)
        or (wanted == "default" and candidate == default)
    ]
    if len(matches) == 1:
        return matches[0]
    listed = "; ".join(f"{c.key[:8]} is {c.label}" for c in matches or known)
    if matches:
        raise BadInput(f"{wanted} means {len(matches)} candidates of study {study.study_id}", hint=listed)
    names = [name for c in known for name in (str(c.recipe), c.label)]
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
    first = f"did you mean {study.study_id}:{near[0]}? " if wanted and near else ""
    raise BadInput(
        f"study {study.study_id} has no candidate {wanted!r}" if wanted else f"which candidate of {study.study_id}?",
        hint=f"{first}{listed}",
    )


def _side(ledger: Ledger, text: str, sessions: Sequence[Session]) -> Side:
    candidates = {s.planned.candidate.key: s.planned.candidate for s in sessions}
    if len(candidates) > 1:
        raise BadInput(f"{text} is of {len(candidates)} candidates", hint="the sessions of a side are of one candidate")
    (candidate,) = candidates.values()
    artifact = ledger.artifact(candidate.artifact_sha256)
    if artifact is None:
        raise BadInput(f"the artifact of {text} is not in {ledger.place}", hint=FORM)
    studies = [ledger.study(study_id) for study_id in dict.fromkeys(s.planned.study_id for s in sessions)]
    others = study_facts([study for study in studies if study])
    if all(session.result.audio_sha256 for session in sessions):
        # They say it themselves, whatever the file was called.
        del others["audio"]
    return Side(text, candidate, artifact, tuple(sessions), others)


def study_facts(studies: Sequence[Study]) -> dict[str, str]:
    """What a session does not say of itself: the audio that it streamed, and whether it had the device to itself."""
    audio = {str(s.settings.get("audio") or f"evaluation set of {s.model}") for s in studies}
    alone = {"no, a duet" if s.settings.get("duet") else "yes" for s in studies}
    return {"audio": " and ".join(sorted(audio)), ALONE: " and ".join(sorted(alone))}
