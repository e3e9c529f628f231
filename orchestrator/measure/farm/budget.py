"""How many blocks fit into the device time that the user gave."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Device seconds for one study. ``minimum_blocks`` are run even when they do not fit: without them there is no
    interval. ``maximum_blocks`` bounds a budget that is large for a quick model."""

    total_s: float
    minimum_blocks: int = 3
    maximum_blocks: int = 12

    def __post_init__(self) -> None:
        if self.total_s <= 0:
            raise ValueError(f"budget must be > 0 s, got {self.total_s}")
        if not 0 < self.minimum_blocks <= self.maximum_blocks:
            raise ValueError(f"0 < minimum <= maximum blocks must hold: {self.minimum_blocks}, {self.maximum_blocks}")

    def blocks(self, *, spent_s: float, reserved_s: float, block_s: float) -> int:
        """Blocks of ``block_s`` that fit after what was spent and what later steps need (``reserved_s``)."""
        left = self.total_s - spent_s - reserved_s
        return min(self.maximum_blocks, max(self.minimum_blocks, int(left // block_s)))
