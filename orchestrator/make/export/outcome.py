"""What became of one recipe among several."""

from dataclasses import dataclass

from orchestrator.domain.recipe import Recipe


@dataclass(frozen=True)
class ExportRefusal:
    """``recipe`` gave no artifact, because of ``reason``; ``hint`` is the next step, if there is one."""

    recipe: Recipe
    reason: str
    hint: str | None = None
