"""Stand-in phones behind the genuine adbd: one with Termux's sshd reached through adb, one entered by run-as."""

import dataclasses
import sys

from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin import termux
from orchestrator.measure.standin.adbd import PORT, SHELL, adbd
from orchestrator.measure.standin.adbd_root import fetch_adbd
from orchestrator.measure.standin.boards import adapted
from orchestrator.measure.standin.dropbear import busybox_userland
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.kinds import phone, tools
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import Daemon, Root, User, controller_python
from orchestrator.measure.standin.sshd import make_keys
from orchestrator.measure.standin.standin import Order
from orchestrator.measure.transports.adb_keys import load_key, make_key


def pixel_8(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
    """A phone as it is sold: adb's shell cannot enter Termux, so SSH goes through a stream of adb to Termux's sshd."""
    model, keys = phone.PIXEL_8, make_keys(order.folder / "keys")
    user = termux.app_user(model.app_uid)
    termux_root, termux_sshd = termux.sshd(user, keys)
    cable = _adb_device(order, link, f"{order.name}-adb")
    spec = _spec(order, model, cable, user, (termux_root, {"termux-sshd": termux_sshd}))
    known_hosts = order.folder / "known_hosts"
    # All phones have their sshd at the same address: the host key goes by the name of the way to it.
    known_hosts.write_text(keys.known_hosts_line(cable.name, termux.PORT) + keys.known_hosts_line(cable.name))
    device = Device(
        order.name,
        "ssh",
        host="127.0.0.1",
        port=termux.PORT,
        user=user.name,
        jump=cable.name,
        via=cable,
        identity_file=keys.user_key,
        known_hosts=known_hosts,
        python=termux.PYTHON,
        profile="pixel-8",
        tags=("stand-in", "phone"),
    )
    return Host(adapted(spec, order), link, order.folder), (device, cable)


def galaxy_a15(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
    """A developer's phone: a debuggable Termux, which run-as enters."""
    # The stand-in's run-as changes no user, so Termux's files are the shell's here.
    user = dataclasses.replace(SHELL, home=termux.HOME)
    device = dataclasses.replace(
        _adb_device(order, link, order.name),
        run_as=termux.PACKAGE,
        python=termux.PYTHON,
        profile="galaxy-a15",
        tags=("stand-in", "phone"),
    )
    spec = _spec(order, phone.GALAXY_A15, device, user, (Root(), {}))
    return Host(adapted(spec, order), link, order.folder), (device,)


def _adb_device(order: Order, link: Link, name: str) -> Device:
    key = order.folder / "adbkey"
    if not key.exists():
        make_key(key)
    return Device(name, "adb", host=link.device_address, port=PORT, adb_key=key)


def _spec(
    order: Order, model: phone.PhoneModel, cable: Device, user: User, more: tuple[Root, dict[str, Daemon]]
) -> HostSpec:
    tree = fetch_adbd(order.cache)
    keys = [load_key(cable.adb_key).public_line()] if tree.asking else None
    adbd_root, daemon = adbd(
        tree,
        sys.executable,
        keys=keys,
        properties=model.properties,
        dumpsys=phone.dumpsys(),
        debuggable=(termux.PACKAGE,),
    )
    daemon = dataclasses.replace(
        daemon, environment={**daemon.environment, "ANDROID_ROOT": "/system"}, as_uid=SHELL.uid
    )
    whole = busybox_userland() + controller_python() + termux.layout() + adbd_root + more[0]
    # Two users write there, and none of them is root.
    shared = Root(files=tools.mark(model.name), folders={"/data/local/tmp": 0o1777})
    return HostSpec(
        order.name,
        whole + shared,
        {"adbd": daemon, **more[1]},
        user,
        phone.board(model),
        f'PRETTY_NAME="Android {model.properties["ro.build.version.release"]}"\nID=android\n',
    )
