"""A hundred light SSH hosts: a network namespace with a real sshd each, on one bridge, with a home and /tmp in memory.

All of them live in namespaces that ``inside`` makes for the benchmark alone, so they end with it, however it ends.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Reserved for benchmarks of network devices (RFC 2544, appendix C.2.2).
NETWORK, CONTROLLER, PREFIX = "198.18", "198.18.255.254", 16
HOME = "/root"
KEYS = Path("/run/hosts")
# What each tool brings there, three times over: two files, and a copy on the way to their names.
HOME_MIB = 64
START_TIMEOUT_S = 60.0
_INSIDE = "EARSHOT_BENCH_INSIDE"
# /root is the account's home: nothing of this machine's own, a fast shell, and room that is a disk's own.
_BOOT = """\
hostname {name} &&
mount -t tmpfs -o size={mib}m,mode=700 home {home} &&
mount -t tmpfs -o size={mib}m,mode=1777 tmp /tmp &&
mkdir -m 700 {home}/.ssh && cp {folder}/user_key.pub {home}/.ssh/authorized_keys &&
exec {sshd} -D -e -f {folder}/sshd_config
"""


def inside() -> None:
    """Runs this very program again in network, mount and process namespaces of its own; returns where it is in them."""
    if os.environ.get(_INSIDE) == "1":
        return
    new = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    argv = ["unshare", *new, sys.executable, *sys.argv]
    sys.exit(subprocess.run(argv, env={**os.environ, _INSIDE: "1"}, check=False).returncode)


@dataclass(frozen=True)
class Host:
    name: str
    address: str
    process: "subprocess.Popen[bytes]"

    @property
    def home(self) -> Path:
        """As seen from here."""
        return Path(f"/proc/{self.process.pid}/root{HOME}")

    def wipe(self) -> None:
        """Nothing of what a tool has brought is left, in its home or in /tmp."""
        for folder in (self.home, self.home.parent / "tmp"):
            for path in folder.iterdir():
                if path.name == ".ssh":
                    continue
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def hashes(self) -> set[str]:
        """SHA-256 of every file in its home."""
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def start_hosts(count: int) -> list[Host]:
    """All of them listening, with one host key and one user key in ``KEYS``, and their ``known_hosts`` there."""
    # Where ip keeps its names, and what all hosts see, is this mount namespace's own from here on.
    subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
    folder = KEYS
    folder.mkdir()
    Path("/run/sshd").mkdir()
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    addresses = {f"h{i:03}": f"{NETWORK}.{i // 250}.{i % 250 + 1}" for i in range(count)}
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text("".join(f"{address} {key}\n" for address in addresses.values()))
    (folder / "sshd_config").write_text("\n".join(_sshd_lines(folder)) + "\n")
    _lay_network(addresses)
    hosts = [Host(name, address, _boot(name, folder)) for name, address in addresses.items()]
    _wait_for(hosts)
    return hosts


def _sshd_lines(folder: Path) -> tuple[str, ...]:
    return (
        "Port 22",
        "ListenAddress 0.0.0.0",
        f"HostKey {folder}/host_key",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "PidFile none",
        "Subsystem sftp internal-sftp",
    )


def _ip(commands: Sequence[str], space: str | None = None) -> None:
    argv = ["ip", *(["-n", space] if space else []), "-batch", "-"]
    subprocess.run(argv, input="\n".join(commands) + "\n", text=True, check=True)


def _lay_network(addresses: dict[str, str]) -> None:
    _ip(["link set lo up", "link add br0 type bridge", f"address add {CONTROLLER}/{PREFIX} dev br0", "link set br0 up"])
    _ip([f"netns add {name}" for name in addresses])
    _ip([f"link add {name} type veth peer name eth0 netns {name}" for name in addresses])
    _ip([f"link set {name} master br0 up" for name in addresses])
    for name, address in addresses.items():
        _ip(["link set lo up", f"address add {address}/{PREFIX} dev eth0", "link set eth0 up"], name)


def _boot(name: str, folder: Path) -> "subprocess.Popen[bytes]":
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    script = _BOOT.format(name=name, mib=HOME_MIB, home=HOME, folder=folder, sshd=sshd)
    argv = ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", script]
    with (folder / "sshd.log").open("ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait_for(hosts: Sequence[Host]) -> None:
    """Until every sshd listens: a LISTEN socket on port 22 in its network namespace."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    for host in hosts:
        table = Path(f"/proc/{host.process.pid}/net/tcp")
        while " 00000000:0016 00000000:0000 0A " not in table.read_text():
            if host.process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"sshd of {host.name} did not start")
            time.sleep(0.02)
