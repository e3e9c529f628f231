"""What a decision may need and a study does not measure: concurrent streams and what heat leaves."""

from collections.abc import Iterable

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.elsewhere import MODES, Elsewhere
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import Estimate
from orchestrator.domain.heat import courses_by_candidate
from orchestrator.domain.streams_held import StreamsHeld
from orchestrator.domain.sustained import LEAST_MINUTES, Sustained
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import streams_held
from orchestrator.statistics.intervals import mean_interval
from orchestrator.workflows.heat import sustained_sessions


def needs(objective: Objective, constraints: Constraints) -> bool:
    """Whether anything is asked for that a study does not measure: the ledger is long to read."""
    return bool({*objective.metrics, *constraints.metrics} & set(MODES))


def measured_elsewhere(ledger: Ledger, model: str, device: str) -> Elsewhere:
    """By key of the candidate: of streams the newest search, of heat all sustained sessions measured alike."""
    found: dict[str, dict[str, Estimate]] = {}
    for held in streams_held(ledger, device, model):
        found.setdefault(held.candidate_key, {})["streams_held"] = _streams(held)
    sessions, _ = sustained_sessions(ledger, model, device)
    rate_hz = ledger.artifacts(model)[0].contract.sample_rate_hz if sessions else 0
    for key, courses in courses_by_candidate(sessions, rate_hz).items():
        found.setdefault(key, {})["sustained_ratio"] = _sustained(told for _, told in courses)
    return found


def _streams(held: StreamsHeld) -> Estimate:
    """Shown to hold, found, and the most that is not shown to fail."""
    runs = sum(len(tried.runs) for tried in held.tried)
    high = float(held.most if held.high is None else held.high)
    how = f"{held.sharing}, {100 * held.miss_budget:g} % of chunks late after {held.deadline_ms:g} ms"
    said = f"searched {held.at_utc[:10]}: {how}" + ("; nothing failed up to there" if held.high is None else "")
    return Estimate(float(held.value), float(held.low), high, runs, "sessions", said)


def _sustained(told: Iterable[Sustained]) -> Estimate:
    every = list(told)
    ratios = [one.ratio for one in every if one.ratio is not None]
    if not ratios:
        return Estimate(None, n=len(every), basis="sessions", reason="no three minutes are left after the warm-up")
    minutes = min(len(one.minutes) for one in every)
    short = None if minutes >= LEAST_MINUTES else f"{minutes} minutes: less than {LEAST_MINUTES:g} tell little of heat"
    found = mean_interval(ratios)
    return Estimate(found.value, found.low, found.high, found.n, "sessions", short or found.reason)
