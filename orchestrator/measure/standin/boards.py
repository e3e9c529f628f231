"""Stand-in boards: Raspberry Pis behind OpenSSH, a Jetson behind dropbear."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.dropbear import busybox_userland, dropbear
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.kinds import jetson, pi
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import PI, User, controller_python, gnu_userland
from orchestrator.measure.standin.sshd import PORT, Keys, make_keys, sshd
from orchestrator.measure.standin.standin import Maker, Order


def raspberry_pi(model: pi.PiModel, profile: str) -> Maker:
    def make(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
        keys = make_keys(order.folder / "keys")
        daemon_root, daemon = sshd(PI, keys)
        root = gnu_userland() + controller_python() + daemon_root + pi.root(model)
        spec = HostSpec(order.name, root, {"sshd": daemon}, board=pi.board(model))
        return Host(adapted(spec, order), link, order.folder), (ssh_device(order, link, keys, profile=profile),)

    return make


def orin_nano(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
    keys, user = make_keys(order.folder / "keys"), User("nvidia")
    daemon_root, daemon = dropbear(user, keys)
    root = busybox_userland() + controller_python() + daemon_root + jetson.root()
    spec = HostSpec(order.name, root, {"dropbear": daemon}, user, jetson.board(), jetson.OS_RELEASE)
    device = ssh_device(order, link, keys, profile="jetson-orin-nano", user=user.name)
    return Host(adapted(spec, order), link, order.folder), (device,)


def adapted(spec: HostSpec, order: Order) -> HostSpec:
    """The kind's specification with the order's own options. Raises TypeError for an unknown one."""
    options: dict[str, Any] = order.options
    return dataclasses.replace(spec, **options)


def ssh_device(order: Order, link: Link, keys: Keys, *, profile: str, user: str = PI.name, port: int = PORT) -> Device:
    """The lab's device, reached over SSH with the host key known beforehand."""
    known_hosts = order.folder / "known_hosts"
    known_hosts.write_text(keys.known_hosts_line(link.device_address, port))
    return Device(
        order.name,
        "ssh",
        host=link.device_address,
        port=port,
        user=user,
        identity_file=keys.user_key,
        known_hosts=known_hosts,
        python=str(Path(sys.executable)),
        profile=profile,
        tags=("stand-in",),
    )
