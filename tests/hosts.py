"""Real OpenSSH servers on 127.0.0.1, each with keys, configuration and home of its own: what the SSH tests dial."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.measure.transports.ssh_config import SshTarget

START_TIMEOUT_S = 20.0


def require_program(name: str) -> str:
    """Path of an installed program. Skips the test by name where it is missing, and fails it under CI."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        missing(f"{name} is not installed: run tests/system_parts.sh")
    return found


def missing(reason: str) -> NoReturn:
    """The test is skipped with the reason, and fails under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class SshHost:
    """One sshd. ``home`` is $HOME of every command there; commands still start in the account's own home."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def user_key(self) -> Path:
        return self.folder / "user_key"

    @property
    def target(self) -> SshTarget:
        return SshTarget(
            host="device",
            address="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            identity_files=(self.user_key,),
            known_hosts=(self.known_hosts,),
            identities_only=True,
        )

    def through(self, jump: "SshHost") -> SshTarget:
        return replace(self.target, jump=(replace(jump.target, host="jump"),))

    def serving_pids(self) -> list[int]:
        """Processes of sshd that serve a connection now."""
        return [pid for pid in _pids() if _parent(pid) == self.process.pid]

    def logins(self) -> int:
        """How often somebody has logged in since the host was made."""
        return (self.folder / "sshd.log").read_text().count("Accepted publickey")

    def cut(self) -> None:
        """Every connection ends without a word; the server goes on and takes new ones."""
        for pid in self.serving_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """No connection, and no server: what a device that is switched off looks like."""
        self.cut()
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        self.process = _start(self.folder, self.port)


def _pids() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def make_host(folder: Path, *, settings: tuple[str, ...] = ()) -> SshHost:
    """A running sshd with ``settings`` as further lines of its sshd_config, which win over those written here.

    It has no SFTP, as many a small device.
    """
    require_program("sshd")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = SshHost(folder, port, _prepare(folder, port, settings))
    host_key = (folder / "host_key.pub").read_text()
    host.known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}")
    return host


def _prepare(folder: Path, port: int, settings: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    (folder / "home").mkdir()
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    lines = [
        *settings,
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "MaxStartups 100",
        "PrintMotd no",
        # $HOME decides which .bashrc the login shell reads: this home has none.
        f"SetEnv HOME={folder / 'home'}",
    ]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    return _start(folder, port)


def _start(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    with (folder / "sshd.log").open("ab") as log:
        process = subprocess.Popen(
            [require_program("sshd"), "-D", "-e", "-f", folder / "sshd_config"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process
    process.kill()
    process.wait()
    raise RuntimeError(f"sshd did not start: {(folder / 'sshd.log').read_text()}")


def lab_text(host: SshHost, *, name: str = "device", root: Path | None = None) -> str:
    """A lab file with the host in it; its Python is the one that runs the tests."""
    settings = {
        "transport": "ssh",
        "host": "127.0.0.1",
        "user": getpass.getuser(),
        "identity_file": str(host.user_key),
        "known_hosts": str(host.known_hosts),
        "python": sys.executable,
        **({"root": str(root)} if root else {}),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join([f"[devices.{name}]", f"port = {host.port}", *lines]) + "\n"


MakeHost = Callable[..., SshHost]


@pytest.fixture(scope="session")
def ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A host for tests that leave it as it is."""
    host = make_host(tmp_path_factory.mktemp("ssh") / "host")
    yield host
    host.stop()


@pytest.fixture
def make_ssh_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Makes hosts of the test's own: to be cut, stopped, or configured in another way."""
    hosts: list[SshHost] = []

    def make(*settings: str) -> SshHost:
        hosts.append(make_host(tmp_path / f"host{len(hosts)}", settings=settings))
        return hosts[-1]

    yield make
    for host in hosts:
        host.stop()
