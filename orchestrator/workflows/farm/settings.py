"""What ``earshot worker`` was asked to be."""

import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.workflows.settings import require_results

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class WorkerSettings:
    """``results``: attached to the farm's database, or with a ledger that is the farm's. ``exports``: so many at once.
    ``with_local``: this machine is one of the devices. ``once``: end when there is nothing more to do.
    """

    site: str
    lab: Path | None = None
    results: Path = Path("earshot-results")
    exports: int = 1
    with_local: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.site):
            raise BadInput(f"the name of a site must match {_NAME.pattern}, got {self.site!r}")
        if self.exports < 0:
            raise BadInput(f"exports must be >= 0, got {self.exports}")
        require_results(self.results)

    @property
    def folder(self) -> Path:
        """What this site's worker keeps: its ledger, models, artifacts."""
        return self.results / "site"
