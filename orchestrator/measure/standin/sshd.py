"""OpenSSH as the daemon of a stand-in board, with a host key and a user key of its own."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.namespaces import command, program
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root, User

PORT = 22
HOST_KEY = "/etc/ssh/host_key"


@dataclass(frozen=True)
class Keys:
    """ed25519 keys in a folder of the controller: the device's own, and the one that may log in."""

    host_key: Path
    user_key: Path

    def known_hosts_line(self, address: str, port: int = PORT) -> str:
        """A line of known_hosts for this device."""
        name = address if port == PORT else f"[{address}]:{port}"
        return f"{name} {' '.join(self.host_key.with_suffix('.pub').read_text().split()[:2])}\n"


def make_keys(folder: Path) -> Keys:
    """New keys in ``folder``; those that are there stay. Raises DeviceNotReady without ssh-keygen."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "user_key"):
        if not (folder / name).exists():
            options = ["-q", "-t", "ed25519", "-N", "", "-C", f"stand-in {name}"]
            command([program("ssh-keygen"), *options, "-f", str(folder / name)])
    return Keys(folder / "host_key", folder / "user_key")


def sshd(user: User, keys: Keys, *, settings: tuple[str, ...] = ()) -> tuple[Root, Daemon]:
    """An sshd that takes ``keys.user_key`` for ``user``. ``settings``: further lines of its sshd_config, which win."""
    server = program("sshd")
    if not server.startswith("/usr/"):
        raise DeviceNotReady(f"sshd lies in {server}: a stand-in has only what is below /usr")
    lines = [*settings, "ListenAddress 0.0.0.0", *sshd_lines(PORT)]
    files = {"/etc/ssh/sshd_config": File("\n".join(lines) + "\n"), **key_files(user, keys)}
    daemon = Daemon((server, "-D", "-e", "-f", "/etc/ssh/sshd_config"), PORT)
    # /run is empty at each boot, and sshd looks for its folder there.
    separation = Mount("/run/sshd", kind="tmpfs", options="mode=755,size=4k")
    return Root((separation,), files), daemon


def sshd_lines(port: int) -> tuple[str, ...]:
    """What any stand-in's sshd_config has; the first line that names a setting counts."""
    return (
        f"Port {port}",
        f"HostKey {HOST_KEY}",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "MaxStartups 100",
        "MaxSessions 100",
        "PidFile none",
        "Subsystem sftp internal-sftp",
    )


def key_files(user: User, keys: Keys) -> dict[str, File]:
    """The device's own key, and who may log in."""
    return {
        HOST_KEY: File(keys.host_key.read_text(), mode=0o600),
        f"{user.folder}/.ssh/authorized_keys": File(keys.user_key.with_suffix(".pub").read_text(), 0o600, True),
    }
