"""What was asked for to keep the rest of a device away from what is measured."""

from dataclasses import dataclass

from orchestrator.domain.isolation import CLOCKS, GOVERNOR, IRQ, power_mode_of


@dataclass(frozen=True)
class Isolation:
    """``steps`` as in ``domain.isolation``; ``keep_free``: the CPUs that candidates are held to."""

    steps: tuple[str, ...] = ()
    keep_free: tuple[int, ...] = ()

    @property
    def changes_device(self) -> bool:
        """A priority does not: each session asks for it itself."""
        return any(step in (GOVERNOR, CLOCKS, IRQ) for step in self.steps) or power_mode_of(self.steps) is not None


NOTHING = Isolation()
