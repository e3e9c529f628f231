"""What a plan means tonight: read against the lab and the ledger, before any device is reached."""

from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.ledger.health import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import durations
from orchestrator.measure.lab.device import Lab
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.workflows.choice import all_tags
from orchestrator.workflows.night_clock import tonight
from orchestrator.workflows.night_file import read_plan
from orchestrator.workflows.night_settings import NightPlan, NightSettings
from orchestrator.workflows.night_wanted import Planned, planned, winners_of
from orchestrator.workflows.settings import require_results


@dataclass(frozen=True)
class Tonight:
    """What is going to be measured: of ``at``, from now on."""

    plan: NightPlan
    lab: Lab
    at: str
    planned: Planned
    expected_end: datetime


def planned_night(settings: NightSettings) -> Tonight:
    """Reaches no device and changes nothing. Raises BadInput that lists every problem."""
    lab = load_lab(settings.lab)
    require_results(settings.results)
    path = settings.results / "ledger.db"
    if not path.exists():
        return tonights_plan(settings, lab, None)
    with Ledger.open(path) as ledger:
        return tonights_plan(settings, lab, ledger)


def tonights_plan(settings: NightSettings, lab: Lab, ledger: Ledger | None) -> Tonight:
    tags = all_tags(lab, ledger)
    plan = read_plan(settings.plan, lab, tags, settings.results / "models")
    now = datetime.now(UTC)
    at = tonight(now)
    known = health(ledger) if ledger else {}
    winners = winners_of(ledger, list(lab.devices), plan.models) if ledger else {}
    found = planned(plan, at, lab, tags, known, winners, durations(ledger) if ledger else {})
    return Tonight(plan, lab, at, found, found.ends(now))
