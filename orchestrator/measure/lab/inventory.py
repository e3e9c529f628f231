"""The lab file: which devices there are and how to reach them. Credentials by reference only.

[devices.pi5]
transport = "ssh"
host = "pi5.lan"
user = "pi"
identity_file = "~/.ssh/lab"
"""

import tomllib
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import LOCAL, Device, Lab
from orchestrator.measure.lab.lab_file import LabReader, nearest
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.local import LocalTransport

__all__ = ["Device", "Lab", "find_device", "load_lab", "open_transport"]


def load_lab(path: Path | None) -> Lab:
    """Read a lab file; None: only this machine. Paths in it are relative to its folder.

    Raises BadInput that lists every problem with its line.
    """
    if path is None:
        return Lab()
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError as exc:
        raise BadInput(f"there is no lab file {path}", hint="leave it out to measure this machine") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BadInput(f"cannot read the lab file {path}: {exc}") from exc
    reader = LabReader(path, text)
    devices = reader.devices(data)
    if reader.problems:
        raise BadInput(f"the lab file {path} has {len(reader.problems)} problem(s):\n" + "\n".join(reader.problems))
    return Lab(devices, path)


def find_device(lab: Lab, name: str) -> Device:
    """Raises BadInput with the nearest names."""
    if name in lab.devices:
        return lab.devices[name]
    where = f"in {lab.path}" if lab.path else "and no lab file was given"
    hint = f"{nearest(name, lab.devices)}known are {', '.join(sorted(lab.devices))}"
    raise BadInput(f"there is no device {name!r} {where}", hint=hint)


def open_transport(device: Device) -> Transport:
    """A way to the device, connected. Raises Unreachable, HostKeyRefused, LoginRefused, DeviceNotReady, BadInput."""
    if device.transport == LOCAL:
        return LocalTransport(device.name)
    if device.transport == "adb":
        from orchestrator.measure.lab.adb_device import open_adb

        return open_adb(device)
    # paramiko takes 0.1 s to import: only those who need it pay.
    from orchestrator.measure.lab.ssh_device import open_ssh

    return open_ssh(device)
