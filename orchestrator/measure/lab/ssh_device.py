"""A device of the lab that is reached over SSH."""

from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.measure.transports.ssh_config import SshSettings, SshTarget, resolve


def open_ssh(device: Device, config_path: Path | None = None) -> SshTransport:
    """Raises Unreachable, HostKeyRefused, LoginRefused, BadInput."""
    return SshTransport(device.name, ssh_target(device, config_path))


def ssh_target(device: Device, config_path: Path | None = None) -> SshTarget:
    """Where the device is: its settings in the lab over the user's SSH configuration. Raises BadInput."""
    if device.transport != "ssh" or device.host is None:
        raise BadInput(f"device {device.name} is not reached over SSH, so nothing can jump through it")
    settings = SshSettings(device.host, device.user, device.port, device.identity_file, device.known_hosts, device.jump)
    via = ssh_target(device.via, config_path) if device.via else None
    return resolve(settings, via=via, config_path=config_path)
