"""``python -m tests.month FOLDER``: the month as it is told each morning, and a ledger to look into."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestrator.domain.cause import causes
from orchestrator.domain.regression import SUSPECT
from tests.month.script import NIGHTS
from tests.month.story import ToldNight, month


def told(night: ToldNight) -> str:
    said = [cause.said for cause in causes([v for v in night.verdicts if v.kind != SUSPECT])]
    said += [f"{name} goes into quarantine" for name in night.quarantined]
    head = f"{night.at}  night {night.number:2}  {night.reruns} re-runs"
    return "\n".join([head, *(f"    {line}" for line in said)])


def yesterday() -> date:
    return (datetime.now(UTC) - timedelta(days=1)).date()


if __name__ == "__main__":
    results = Path(sys.argv[1])
    if (results / "ledger.db").exists():
        sys.exit(f"{results} has a ledger already: name a new folder")
    for night in month(results, NIGHTS, yesterday()):
        sys.stdout.write(told(night) + "\n")
        sys.stdout.flush()
