"""What ``earshot farm simulate`` was asked to be."""

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.farm.twins.body import Faults

_MOST_RUNS = 5
# A night's plan; configurations beyond so many would all cost the same.
_MOST_CONFIGURATIONS = 200


@dataclass(frozen=True)
class SimulationSettings:
    """``sessions``: of each device. ``seconds`` of audio in each, paced. ``speed``: seconds of a twin in one of ours.
    ``executor``: None for the one that the ledger has.
    ``ledger``: a PostgreSQL's URL or ``sqlite:FILE``; None: a file in ``folder``, which holds what the twins have on
    their disks, and is new. ``kill_workers``: so many are killed (-9) on the way, and begun anew.
    """

    folder: Path
    devices: int = 1000
    sessions: int = 20
    workers: int = 1
    seed: int = 0
    speed: float = 1.0
    seconds: float = 10.0
    executor: str | None = None
    ledger: str | None = None
    faults: Faults = field(default_factory=Faults)
    kill_workers: int = 0

    def __post_init__(self) -> None:
        for name in ("devices", "sessions", "workers"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.workers > self.devices:
            raise BadInput(f"a worker has a device at least: {self.workers} workers, {self.devices} devices")
        if self.speed <= 0 or self.seconds <= 0:
            raise BadInput(f"speed and seconds must be > 0, got {self.speed:g} and {self.seconds:g}")
        if self.configurations > _MOST_CONFIGURATIONS:
            raise BadInput(
                f"{self.sessions} sessions are {self.configurations} configurations in {self.runs} runs; at most "
                f"{_MOST_CONFIGURATIONS} configurations can be planned",
                hint="give a number that 5 divides",
            )

    @property
    def runs(self) -> int:
        """As a night has them: five of each configuration, or the most that divide its sessions."""
        return next(runs for runs in range(_MOST_RUNS, 0, -1) if self.sessions % runs == 0)

    @property
    def configurations(self) -> int:
        return self.sessions // self.runs
