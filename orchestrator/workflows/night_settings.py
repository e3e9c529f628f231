"""What a night was asked to be: the plan file, read."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.domain.recipe import Recipe

# In a list of recipes: whatever the device model's last decision chose.
WINNER = "winner"
DEFAULT_ENVIRONMENT = "default"
MODES = ("paced", "flat-out")


@dataclass(frozen=True)
class WantedModel:
    """Recipes x providers x threads of a model. ``recipes``: None stands for the winner of the last decision. Empty
    ``providers``: the runtime's own choice. ``devices`` None: the plan's. ``repo``: the git work tree that the model
    comes from; None: the one that its file lies in, if any.
    """

    model: str
    recipes: tuple[Recipe | None, ...]
    providers: tuple[str | None, ...] = (None,)
    threads: tuple[int, ...] = (1,)
    devices: str | None = None
    repo: Path | None = None


@dataclass(frozen=True)
class NightPlan:
    """``devices``: as ``lab/reservation.py`` reads them. ``runs`` processes of each configuration a night, of
    ``seconds`` of audio. ``budget_s`` of each device, with re-runs; ``budgets_s`` of single ones. ``wait_s``: for a
    device that somebody else has. ``retries``: how often a device that was lost is tried again, ``retry_after_s``
    later. ``end``: ``HH:MM`` UTC, after which the night is late; noon at the latest. ``quality``: score each
    configuration once a night. ``environments``: by device, the Python environments to measure in. ``reference``: the
    model that never changes.
    """

    path: Path
    name: str
    models: tuple[WantedModel, ...]
    devices: str
    reference: str | None = None
    mode: str = "flat-out"
    seconds: float = 10.0
    runs: int = 5
    budget_s: float = 3600.0
    budgets_s: dict[str, float] = field(default_factory=dict)
    wait_s: float = 600.0
    retries: int = 1
    retry_after_s: float = 60.0
    end: str | None = None
    quality: bool = True
    environments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prometheus_url: str | None = None

    def budget_of(self, device: str) -> float:
        return self.budgets_s.get(device, self.budget_s)

    def environments_of(self, device: str) -> tuple[str, ...]:
        return self.environments.get(device, (DEFAULT_ENVIRONMENT,))


@dataclass(frozen=True)
class NightSettings:
    """``plan``: its file. ``results``: of the ledger, as for every other workflow."""

    plan: Path
    lab: Path | None = None
    results: Path = Path("earshot-results")
