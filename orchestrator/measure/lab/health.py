"""Which failures are a device's own, what they lead to, and its power hooks."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agents import wire
from orchestrator.domain.health import Health
from orchestrator.errors import BadInput, DeviceError, DeviceQuarantined, SessionFailed, Unreachable
from orchestrator.ledger import health
from orchestrator.ledger.health import release_quarantine
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import LOCAL, Device

__all__ = ["cycle_power", "failed_session", "power", "release_quarantine", "require_usable", "watched"]

# Kinds of failed sessions that speak against the device and not against what it was given to run.
DEVICE_FAILURES = ("killed", "disk-full", "clock")
HOOK_TIMEOUT_S = 120.0
POWER_ACTIONS = ("cycle", "on", "off")
_TAIL_CHARACTERS = 2000


def require_usable(ledger: Ledger, device: str) -> None:
    """Raises DeviceQuarantined with the reason and the way back."""
    found = health.health_of(ledger, device)
    if found.quarantined:
        raise quarantined_error(found)


def quarantined_error(found: Health) -> DeviceQuarantined:
    return DeviceQuarantined(
        f"{found.device} is in quarantine since {found.quarantined_utc}: {found.reason}",
        hint=f"earshot devices doctor {found.device} looks at it and lets it out when all is well; "
        f'or: earshot devices unquarantine {found.device} --because "..."',
    )


@contextmanager
def watched(ledger: Ledger, device: str) -> Iterator[None]:
    """A block in which the device is used: being unreachable, or failing a session without a result, counts."""
    try:
        yield
    except (Unreachable, SessionFailed) as exc:
        failed(ledger, device, exc.message)
        raise


def failed(ledger: Ledger, device: str, detail: str) -> None:
    # This machine is nobody else's problem: whoever sits at it sees what fails.
    if device != LOCAL:
        health.record_failure(ledger, device, detail)


def failed_session(ledger: Ledger, device: str, result: wire.RunResult) -> None:
    """Count a session that ended, for or against the device. What it was given to run may be at fault: that is not."""
    if result.outcome == "ok":
        health.record_success(ledger, device)
    elif result.failure in DEVICE_FAILURES:
        failed(ledger, device, f"session {result.session_id}: {result.reason}")


def power(ledger: Ledger, device: Device, action: str) -> str:
    """Run the device's hook for ``action`` (cycle, on, off) here on the controller; returns what it wrote.

    Cycle is off and then on where there is no hook for it. Raises BadInput without a hook, DeviceError where it fails.
    """
    hooks = device.hooks
    lines: dict[str, Sequence[tuple[str, ...]]] = {
        "on": [hooks.power_on],
        "off": [hooks.power_off],
        "cycle": [hooks.power_cycle] if hooks.power_cycle else [hooks.power_off, hooks.power_on],
    }
    if not all(lines[action]):
        raise BadInput(
            f"{device.name} has no hook for power {action}",
            hint=f"[devices.{device.name}.hooks] in the lab file, such as: power_{action} = "
            '["uhubctl", "--location", "1-1", "--ports", "2", "--action", "cycle"]',
        )
    return "".join(_run_hook(ledger, device.name, action, argv) for argv in lines[action])


def cycle_power(ledger: Ledger, device: Device) -> bool:
    """Cycle the power where the device has a hook for that; False where it has none, or it failed (see its log)."""
    if not (device.hooks.power_cycle or (device.hooks.power_off and device.hooks.power_on)):
        return False
    try:
        power(ledger, device, "cycle")
    except DeviceError:
        return False
    return True


def _run_hook(ledger: Ledger, device: str, action: str, argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=HOOK_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        health.log(ledger, device, "power", f"{action}: {argv[0]} failed: {exc}")
        raise DeviceError(
            f"the power hook of {device} failed: {exc}", hint=f"try it by hand: {' '.join(argv)}"
        ) from exc
    output = (done.stdout + done.stderr).decode("utf-8", "replace")[-_TAIL_CHARACTERS:]
    health.log(ledger, device, "power", f"{action}: {argv[0]} ended with {done.returncode}: {output.strip()}")
    if done.returncode:
        raise DeviceError(
            f"the power hook of {device} ended with exit code {done.returncode}: {output.strip()}",
            hint=f"try it by hand: {' '.join(argv)}",
        )
    return output
