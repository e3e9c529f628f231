"""The last and dearest gate, where it is asked for: minutes of the winner without a pause, on every unit."""

from dataclasses import replace

from orchestrator.domain.decision import Decision
from orchestrator.domain.session import VERIFY_BLOCK
from orchestrator.workflows.race import Race

# Beyond those that verify, so that it is no evidence for a race of short sessions.
SUSTAINED_BLOCK = VERIFY_BLOCK + 900


def sustain(race: Race, decision: Decision) -> Decision:
    """``decision`` with what the sustained session said: its ratio is a figure of the winner, and a limit on it holds
    from here on. Unchanged where no minutes are asked for.
    """
    seconds = race.settings.sustained_minutes * 60
    if seconds <= 0 or decision.winner is None:
        return decision
    winner = decision.of(decision.winner).candidate
    race.runner.progress.stage("sustained", steps=race.units.count, expected_s=seconds)
    race.units.each(lambda unit: unit.run_all([unit.plan(winner, "paced", seconds=seconds, block=SUSTAINED_BLOCK)]))
    after = race.decide(sustained=True)
    return replace(after, verification=decision.verification) if after.winner == decision.winner else after
