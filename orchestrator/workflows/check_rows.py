"""One row of ``earshot models check``: what became of one recipe of one model. No field is without a word on why."""

from dataclasses import dataclass

from orchestrator.domain.artifact import Artifact, Parity
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.score import Score

NOT_MADE = "not exported"


@dataclass(frozen=True)
class Ran:
    """A session on the device that ended well. ``score`` None: ``unscored`` says why."""

    runtime: str
    provider: str
    session_id: str
    score: Score | None
    unscored: str | None = None


@dataclass(frozen=True)
class CheckRow:
    """``refused``: why there is no artifact, in the tool's own words; the other fields are absent then. ``recipe`` is
    None where the model itself cannot be had. ``ran``: a session, or why there is none."""

    model: str
    recipe: Recipe | None
    artifact: Artifact | None
    refused: str | None
    ran: Ran | str

    def __post_init__(self) -> None:
        if (self.artifact is None) == (self.refused is None):
            raise ValueError(f"a recipe gave an artifact, or the reason why not: {self.model} {self.recipe}")

    @property
    def runs(self) -> bool:
        return isinstance(self.ran, Ran)

    def cells(self) -> dict[str, str]:
        """What the table shows, in its order."""
        return {
            "model": self.model,
            "recipe": str(self.recipe or "-"),
            "exported": "yes" if self.artifact else f"no: {self.refused}",
            "parity": _parity(self.artifact),
            "size kB": f"{self.artifact.size_bytes / 1e3:.0f}" if self.artifact else NOT_MADE,
            "task": self._task(),
            "runs here": f"{self.ran.runtime} {self.ran.provider}" if isinstance(self.ran, Ran) else f"no: {self.ran}",
        }

    def _task(self) -> str:
        if not isinstance(self.ran, Ran):
            return "not run"
        score = self.ran.score
        return f"{score.metric} {score.value:.4f}" if score else f"none: {self.ran.unscored}"


def _parity(artifact: Artifact | None) -> str:
    if artifact is None:
        return NOT_MADE
    return f"none: {artifact.unproven}" if artifact.parity is None else parity_cell(artifact.parity)


def parity_cell(parity: Parity) -> str:
    """For example ``4.8e-06, 138.6 dB``: the greatest difference of an output, and how far noise lies under signal."""
    snr = "exact" if parity.snr_db is None else f"{parity.snr_db:.1f} dB"
    return f"{parity.max_abs:.2g}, {snr}"


@dataclass(frozen=True)
class CheckTotals:
    """Of one table."""

    models: int
    recipes: int
    exported: int
    proven: int
    run: int

    @classmethod
    def of(cls, rows: tuple[CheckRow, ...]) -> "CheckTotals":
        made = [row for row in rows if row.artifact]
        return cls(
            models=len({row.model for row in made}),
            recipes=len(rows),
            exported=len(made),
            proven=sum(row.artifact.passed for row in made if row.artifact),
            run=sum(row.runs for row in made),
        )

    def __str__(self) -> str:
        return (
            f"{self.models} models, {self.recipes} recipes: {self.exported} artifacts, {self.proven} of them within "
            f"parity, {self.run} run here"
        )
