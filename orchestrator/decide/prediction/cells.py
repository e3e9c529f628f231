"""What was measured, a cell for each configuration on each device model; and what of it can teach."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.decide.prediction.configuration import Configuration
from orchestrator.decide.prediction.device import DeviceFacts

# Below this nothing can be told apart from the devices themselves; with this many, by the prior more than by them.
LEAST_DEVICES = 3
# A configuration that one device alone has run says nothing about how devices differ in it.
LEAST_OF_A_CONFIGURATION = 2


@dataclass(frozen=True)
class Record:
    """One configuration on one device model. ``runs_ms``: the figure of each run that can be believed; empty with
    ``failure``, why it did not run as asked there. ``quality_loss``: its upper bound there, None: not evaluated.
    """

    device: str
    configuration: Configuration
    runs_ms: tuple[float, ...]
    quality_loss: float | None = None
    failure: str | None = None

    def __post_init__(self) -> None:
        if not self.runs_ms and self.failure is None:
            raise ValueError(f"{self.configuration.name} on {self.device} has neither runs nor the reason why not")
        if any(not value > 0 or not math.isfinite(value) for value in self.runs_ms):
            raise ValueError(f"times must be > 0 ms, got {self.runs_ms}")


@dataclass(frozen=True)
class Cell:
    """``log_ms``: mean over runs of the log time; ``error``: its standard error by the spread of runs."""

    device: DeviceFacts
    configuration: Configuration
    log_ms: float
    error: float
    runs: int


@dataclass(frozen=True)
class Teaching:
    """``excluded``: configuration -> why it is not predicted; ``unlike``: device -> why it does not teach.

    ``failed``: configuration -> devices on which it did not run as asked.
    """

    cells: tuple[Cell, ...]
    configurations: tuple[Configuration, ...]
    excluded: Mapping[str, str]
    failed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlike: Mapping[str, str] = field(default_factory=dict)

    @property
    def devices(self) -> tuple[DeviceFacts, ...]:
        return tuple({cell.device.name: cell.device for cell in self.cells}.values())


def teaching(
    records: Sequence[Record], devices: Mapping[str, DeviceFacts], isa: str, max_quality_loss: float | None
) -> Teaching:
    """``records`` of the same configuration on the same device model count together.

    Of devices with the instruction set ``isa``: another one has other kernels. Configurations that may be shipped
    are those with figures on two devices or more, on more than they failed on, and a known loss within the limit.
    """
    unlike = {name: f"{d.isa}, not {isa}: other kernels" for name, d in devices.items() if d.isa != isa}
    own = _together([record for record in records if record.device not in unlike])
    by_name: dict[str, list[Record]] = {}
    for record in own:
        by_name.setdefault(record.configuration.name, []).append(record)
    excluded, failed = {}, {}
    for name, of_one in by_name.items():
        failed[name] = tuple(r.device for r in of_one if r.failure is not None)
        reason = _unshippable(of_one, max_quality_loss)
        if reason is not None:
            excluded[name] = reason
    measured = [r for r in own if r.runs_ms and r.configuration.on_cpu]
    kept = {r.configuration.name: r.configuration for r in own if r.configuration.name not in excluded}
    cells = _cells(measured, devices)
    return Teaching(cells, tuple(kept.values()), excluded, {n: d for n, d in failed.items() if d}, unlike)


def _together(records: Iterable[Record]) -> list[Record]:
    """Units and studies of one device model as one record; figures outweigh a failure, the worst loss counts."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.device, record.configuration.name), []).append(record)
    return [of_one[0] if len(of_one) == 1 else _joined(of_one) for of_one in found.values()]


def _joined(records: Sequence[Record]) -> Record:
    runs = tuple(value for record in records for value in record.runs_ms)
    losses = [record.quality_loss for record in records if record.quality_loss is not None]
    failures = [record.failure for record in records if record.failure is not None]
    return Record(
        records[0].device,
        records[0].configuration,
        runs,
        max(losses, default=None),
        failures[0] if failures and not runs else None,
    )


def _unshippable(records: Sequence[Record], max_quality_loss: float | None) -> str | None:
    configuration = records[0].configuration
    if not configuration.on_cpu:
        return f"{configuration.provider} is no CPU: profiles hold nothing that its time could be told from"
    good = [r for r in records if r.runs_ms]
    bad = [r for r in records if not r.runs_ms]
    if bad and len(bad) >= len(good):
        return f"it failed on {len(bad)} of {len(records)} device models: {bad[0].failure}"
    if len(good) < LEAST_OF_A_CONFIGURATION:
        return f"measured on {len(good)} device model, {LEAST_OF_A_CONFIGURATION} are needed"
    if max_quality_loss is None:
        return None
    losses = [r.quality_loss for r in records if r.quality_loss is not None]
    if not losses:
        return "its loss of quality was never measured"
    worst = max(losses)
    return f"quality loss {worst:.2%} is above {max_quality_loss:.2%}" if worst > max_quality_loss else None


def _cells(records: Iterable[Record], devices: Mapping[str, DeviceFacts]) -> tuple[Cell, ...]:
    logs = [(record, [math.log(value) for value in record.runs_ms]) for record in records]
    freedom = sum(len(values) - 1 for _, values in logs)
    squares = sum((value - sum(values) / len(values)) ** 2 for _, values in logs for value in values)
    # Of all cells together: two runs alone would often look alike by chance. 3 % where no cell has two.
    spread = math.sqrt(squares / freedom) if freedom else 0.03
    return tuple(
        Cell(devices[r.device], r.configuration, sum(values) / n, spread / math.sqrt(n), n)
        for r, values in logs
        for n in [len(values)]
    )
