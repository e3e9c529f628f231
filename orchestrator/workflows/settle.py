"""From the race's winner to one that a person can ship: it repeats on every unit, and where that is asked, it lasts."""

from dataclasses import replace

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision, Verification
from orchestrator.workflows.race import Race
from orchestrator.workflows.sustaining import sustain
from orchestrator.workflows.verification import Verifier

# So often the search goes back to the race; what repeats by then in no fresh session is not a matter of chance.
MOST_VERIFICATIONS = 3
# A candidate that failed so many verifications is set aside, and the next one of the front is tried.
_FAILURES = 2


def settle(race: Race, decision: Decision) -> Decision:
    """``decision`` with its verification. One that does not repeat goes back to the race: more paced blocks of it and
    of the next one, and where it fails again it is set aside. A sustained session that breaks a limit does the same.
    """
    settings = race.settings
    verifier = Verifier(race.prepared, race.units, settings.paced_s, settings.artifacts_dir)
    failed: list[tuple[Candidate, str]] = []
    while decision.winner is not None:
        verification = verifier.verify(decision)
        winner = decision.of(decision.winner).candidate
        if verification.passed:
            lasting = sustain(race, replace(decision, verification=told(verification, failed)))
            if lasting.winner == decision.winner or verifier.count >= MOST_VERIFICATIONS:
                return lasting
            race.set_aside(winner, lasting.of(winner.key).reason)
            decision = race.decide()
            continue
        failed.append((winner, verification.reason))
        if verifier.count >= MOST_VERIFICATIONS:
            return replace(decision, verification=told(verification, failed[:-1]))
        decision = _back(race, decision, failed)
    return decision


def _back(race: Race, decision: Decision, failed: list[tuple[Candidate, str]]) -> Decision:
    """What the race says after more blocks, or without a candidate that failed too often; the default always stays."""
    winner, reason = failed[-1]
    if winner.key != decision.baseline and sum(c.key == winner.key for c, _ in failed) >= _FAILURES:
        race.set_aside(winner, f"its verification failed {_FAILURES} times: {reason}")
        return race.decide()
    race.runner.progress.note(f"{winner.label} did not repeat ({reason}): back to the race")
    rivals = [v.candidate for v in decision.candidates if v.status == "front"]
    return race.more([winner, *rivals[:1]], decision)


def told(verification: Verification, failed: list[tuple[Candidate, str]]) -> Verification:
    """With what failed before it."""
    if not failed:
        return verification
    before = "; ".join(f"{candidate.label}: {reason}" for candidate, reason in failed)
    times = "once" if len(failed) == 1 else f"{len(failed)} times"
    return replace(verification, reason=f"{verification.reason} (back to the race {times}: {before})")
