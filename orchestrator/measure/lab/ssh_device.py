"""A device of the lab that is reached over SSH."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import cast

from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.measure.transports.ssh_config import SshSettings, SshTarget, resolve

PHONE_ITSELF = ("127.0.0.1", "localhost", "::1")


def open_ssh(device: Device, config_path: Path | None = None) -> SshTransport:
    """Raises Unreachable, HostKeyRefused, LoginRefused, BadInput."""
    return SshTransport(device.name, ssh_target(device, config_path))


def ssh_target(device: Device, config_path: Path | None = None) -> SshTarget:
    """Where the device is: its settings in the lab over the user's SSH configuration. Raises BadInput."""
    if device.transport != "ssh" or device.host is None:
        raise BadInput(f"device {device.name} is not reached over SSH, so nothing can jump through it")
    settings = SshSettings(device.host, device.user, device.port, device.identity_file, device.known_hosts, device.jump)
    if device.via and device.via.transport == "adb":
        return _through_adb(device, device.via, replace(settings, jump="none"), config_path)
    via = ssh_target(device.via, config_path) if device.via else None
    return resolve(settings, via=via, config_path=config_path)


def _through_adb(device: Device, phone: Device, settings: SshSettings, config_path: Path | None) -> SshTarget:
    """The phone's own sshd. All phones have it at the same address, so its host key goes by the phone's name."""
    target = resolve(settings, config_path=config_path)
    if target.address not in PHONE_ITSELF:
        raise BadInput(
            f"device {device.name} jumps through {phone.name} by ADB, which reaches that phone alone: "
            f"host must be 127.0.0.1, got {target.address}"
        )

    def dial(port: int) -> socket.socket:
        from orchestrator.measure.lab.adb_device import PhoneSocket

        return cast(socket.socket, PhoneSocket(phone, port))

    alias = target.host_key_alias or phone.name
    return replace(target, host=device.name, host_key_alias=alias, proxy_command=None, dial=dial)
