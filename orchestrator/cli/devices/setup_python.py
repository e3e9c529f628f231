"""The part of ``earshot devices setup`` that brings a Python to a device."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.progress import TerminalProgress
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports.base import Transport

if TYPE_CHECKING:
    from orchestrator.measure.provision.install_python import PythonInstalled
    from orchestrator.measure.provision.python_plan import PythonPlan


def require_free_choice(device: Device, archive: str | None) -> None:
    """Raises BadInput where the lab file names a Python: what is brought would never be used."""
    if archive is not None and device.python is not None:
        raise BadInput(
            f"the lab file says that the Python of {device.name} is {device.python}: another one would not be used",
            hint=f"remove python from [devices.{device.name}], or leave out the archive",
        )


def bring_python(
    transport: Transport, device: Device, archive: str, progress: TerminalProgress, *, dry_run: bool, quiet: bool
) -> "tuple[PythonPlan, PythonInstalled | None]":
    """What it takes, shown unless ``quiet``, and done unless ``dry_run``."""
    from orchestrator.measure.provision.python_plan import carry_out, plan_python

    with tempfile.TemporaryDirectory(prefix="earshot-python-") as scratch:
        plan = plan_python(transport, device.root, archive, Path(scratch))
        if not quiet:
            _show(device.name, plan)
        if dry_run or not plan.needed:
            return plan, None
        progress.stage(f"installing Python: {plan.bytes_to_send / 1e6:.1f} MB to send", steps=1)
        return plan, carry_out(transport, plan)


def _show(name: str, plan: "PythonPlan") -> None:
    where = f"{plan.there.folder}/{plan.id}"
    if plan.packed is None:
        click.echo(f"Python for {name} in {where}: {plan.reason}")
        return
    version = ".".join(map(str, plan.packed.version))
    sizes = f"{plan.bytes_to_send / 1e6:.1f} MB to send, {plan.packed.size_bytes / 1e6:.0f} MB there"
    click.echo(f"Python {version} for {name} from {plan.archive} into {where}: {plan.reason}; {sizes}")
