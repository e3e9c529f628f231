"""What it takes that a device has a Python of its own below the agent's root, and doing it."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.measure.deploy.push import DEFAULT_ROOT
from orchestrator.measure.provision.debian_python import debian_archive
from orchestrator.measure.provision.install_python import (
    DeviceLook,
    PythonInstalled,
    install_python,
    look,
    require_fit,
    use_python,
)
from orchestrator.measure.provision.python_archive import PackedPython, id_of, pack
from orchestrator.measure.transports.base import Transport

# Instead of a file: made here from Debian's packages for the device's processor.
DEBIAN = "debian"


@dataclass(frozen=True)
class PythonPlan:
    """``packed``: what is to be sent; None where this Python is there. ``reason`` says why it is made, or why not."""

    id: str
    archive: str
    reason: str
    there: DeviceLook
    packed: PackedPython | None = None

    @property
    def needed(self) -> bool:
        return not self.there.current

    @property
    def bytes_to_send(self) -> int:
        return self.packed.path.stat().st_size if self.packed else 0


def plan_python(transport: Transport, root: str | None, archive: str, scratch: Path) -> PythonPlan:
    """``archive``: a file, or ``debian``. Packs it in ``scratch`` where the device does not have it.

    Raises BadInput for an archive that cannot be used, or not on this device, DeviceNotReady for no tar or no room.
    """
    root = root or DEFAULT_ROOT
    path = debian_archive(look(transport, root, "").machine) if archive == DEBIAN else Path(archive)
    python_id = id_of(path)
    there = look(transport, root, python_id)
    if there.there:
        reason = "it is there" if there.current else "it is there, another one is used"
        return PythonPlan(python_id, archive, reason, there)
    packed = pack(path, scratch, compressed=there.gzip)
    require_fit(transport, there, packed)
    return PythonPlan(python_id, archive, "it is not there", there, packed)


def carry_out(transport: Transport, plan: PythonPlan) -> PythonInstalled:
    """Raises DeviceNotReady, Unreachable; what was there before is then still there."""
    if plan.packed is None:
        return use_python(transport, plan.there, plan.id)
    return install_python(transport, plan.there, plan.id, plan.packed)
