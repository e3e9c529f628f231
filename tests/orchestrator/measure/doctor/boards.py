"""Stand-in boards whose governor may really be changed: one where root logs in, one with the genuine sudo."""

from pathlib import Path

from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.boards import adapted, ssh_device
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.kinds import pi
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import PI, File, Root, User, controller_python, gnu_userland
from orchestrator.measure.standin.sshd import make_keys, sshd
from orchestrator.measure.standin.standin import Maker, Order

GOVERNOR = "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
MOST_KHZ = "/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
ROOT = User("root", 0, home="/root", login_shell="/bin/bash")


def with_sudo(rule: str) -> Root:
    """sudoers(5) with this rule for pi; PAM asks for nothing."""
    files = {
        "/etc/sudoers": File(f"root ALL=(ALL) ALL\npi {rule}\n", 0o440),
        "/etc/pam.d/sudo": File(
            "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
        ),
    }
    return Root(files=files)


def board(user: User = ROOT, more: Root | None = None) -> Maker:
    """A Raspberry Pi 5 into which ``user`` logs in."""

    def make(order: Order, link: Link) -> tuple[Host, tuple[Device, ...]]:
        keys = make_keys(order.folder / "keys")
        daemon_root, daemon = sshd(user, keys)
        root = gnu_userland() + controller_python() + daemon_root + pi.root(pi.PI_5) + (more or Root())
        spec = HostSpec(order.name, root, {"sshd": daemon}, user, board=pi.board(pi.PI_5))
        device = ssh_device(order, link, keys, profile="raspberry-pi-5", user=user.name)
        return Host(adapted(spec, order), link, order.folder), (device,)

    return make


def pi_with_sudo(rule: str) -> Maker:
    return board(PI, with_sudo(rule))


def text_of(path: Path) -> str:
    return path.read_text().strip()
