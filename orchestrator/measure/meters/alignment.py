"""The device's monotonic clock against this machine's: known between two bounds, because an answer takes time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import CommandFailed, DeviceError
from orchestrator.measure.transports.base import Transport, check, tail

# Isolated and without site: 20 ms of start on a board instead of 100.
_PRINT_CLOCK = ("-I", "-S", "-c", "import time; print(time.monotonic_ns())")
_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Bounds:
    """This machine's clock minus the device's lies in ``low_ns``..``high_ns``."""

    low_ns: int
    high_ns: int


@dataclass(frozen=True)
class ClockOffset:
    """This machine's monotonic clock minus the device's: ``offset_ns``, wrong by at most ``uncertainty_ns``."""

    offset_ns: int
    uncertainty_ns: int


def clock_bounds(transport: Transport, python: str, times: int = 3) -> tuple[Bounds, ...]:
    """Ask ``times`` times. The answer was made between the question and its arrival here. Raises DeviceError."""
    if transport.kind == "local":
        return (Bounds(0, 0),)
    return tuple(_ask(transport, (python, *_PRINT_CLOCK)) for _ in range(times))


def _ask(transport: Transport, argv: Sequence[str]) -> Bounds:
    before_ns = time.monotonic_ns()
    done = transport.exec(argv, timeout_s=_TIMEOUT_S)
    after_ns = time.monotonic_ns()
    text = check(done, argv, f"cannot read the clock of {transport.name}")
    try:
        device_ns = int(text)
    except ValueError as exc:
        raise CommandFailed(
            f"the clock of {transport.name} must be one number, got {tail(text)[:80]!r}",
            argv=argv,
            exit_code_remote=done.exit_code,
            stderr_tail=tail(done.stderr),
            hint="does a login script on the device print something?",
        ) from exc
    return Bounds(before_ns - device_ns, after_ns - device_ns)


def align(bounds: Sequence[Bounds]) -> ClockOffset:
    """What all of them agree on; where clocks drifted between the questions so that they do not, what they span.

    Raises ValueError without any.
    """
    if not bounds:
        raise ValueError("a clock's offset needs at least one answer of the device")
    low_ns, high_ns = max(b.low_ns for b in bounds), min(b.high_ns for b in bounds)
    if low_ns > high_ns:
        low_ns, high_ns = min(b.low_ns for b in bounds), max(b.high_ns for b in bounds)
    return ClockOffset((low_ns + high_ns) // 2, (high_ns - low_ns + 1) // 2)


def more_bounds(transport: Transport, python: str) -> tuple[Bounds, ...]:
    """As ``clock_bounds``; none where the device does not answer."""
    try:
        return clock_bounds(transport, python)
    except DeviceError:
        return ()
