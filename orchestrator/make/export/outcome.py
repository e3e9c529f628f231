"""What became of one recipe among several."""

from dataclasses import dataclass

from orchestrator.domain.recipe import Recipe

# Said by ``parity``, and by no other refusal.
NOT_EQUAL = "does not equal its source"


@dataclass(frozen=True)
class ExportRefusal:
    """``recipe`` gave no artifact, because of ``reason``; ``hint`` is the next step, if there is one."""

    recipe: Recipe
    reason: str
    hint: str | None = None

    @property
    def unequal(self) -> bool:
        """It was made and ran, and its outputs were too far from its source's."""
        return NOT_EQUAL in self.reason
