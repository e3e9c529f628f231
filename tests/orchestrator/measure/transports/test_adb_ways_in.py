"""The ways into an app's own world on a phone: its sshd through an ADB stream, and run-as."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, DeviceNotReady, HostKeyRefused, Unreachable
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab, open_transport
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import require_program
from tests.orchestrator.measure.transports.test_adb import large_file, same
from tests.phones import MakePhone, Phone

TERMUX = "/data/data/com.termux/files"
TERMUX_PORT = 8022


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host_key", "other_key", "user_key"):
        argv = [require_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(argv, check=True)
    return folder


def termux_sshd(keys: Path) -> tuple[Root, dict[str, Daemon]]:
    """An OpenSSH as Termux starts it, at 127.0.0.1:8022 of the phone and nowhere else."""
    settings = [
        f"Port {TERMUX_PORT}",
        "ListenAddress 127.0.0.1",
        "HostKey /etc/ssh/host_key",
        "AuthorizedKeysFile /etc/ssh/authorized_keys",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PidFile none",
    ]
    files = {
        "/etc/ssh/sshd_config": File("\n".join(settings) + "\n"),
        "/etc/ssh/host_key": File((keys / "host_key").read_text(), mode=0o600),
        "/etc/ssh/authorized_keys": File((keys / "user_key.pub").read_text()),
    }
    sshd = require_program("sshd")
    root = Root((Mount("/run/sshd", kind="tmpfs", options="mode=755,size=4k"),), files)
    return root, {"sshd": Daemon((sshd, "-D", "-e", "-f", "/etc/ssh/sshd_config"), TERMUX_PORT)}


@pytest.fixture
def termux(make_phone: MakePhone, keys: Path) -> Phone:
    return make_phone(more=termux_sshd(keys))


def lab_device(phone: Phone, keys: Path, folder: Path, known: str) -> Device:
    """As a lab file says it."""
    (folder / "known_hosts").write_text(known)
    text = f"""
[devices.pixel]
transport = "adb"
host = "{phone.device.host}"
port = {phone.device.port}
adb_key = "{phone.device.adb_key}"

[devices.termux]
transport = "ssh"
host = "127.0.0.1"
port = {TERMUX_PORT}
user = "root"
jump = "pixel"
identity_file = "{keys / "user_key"}"
known_hosts = "{folder / "known_hosts"}"
"""
    (folder / "lab.toml").write_text(text)
    return load_lab(folder / "lab.toml").devices["termux"]


def known(keys: Path, name: str, key: str = "host_key") -> str:
    return f"{name} {(keys / f'{key}.pub').read_text()}"


class TestSshThroughAdb:
    @pytest.fixture
    def ssh(self, termux: Phone, keys: Path, tmp_path: Path) -> Iterator[SshTransport]:
        with open_transport(lab_device(termux, keys, tmp_path, known(keys, "pixel"))) as transport:
            assert isinstance(transport, SshTransport)
            yield transport

    def test_commands_and_files(self, ssh: SshTransport, tmp_path: Path) -> None:
        done = ssh.exec(["sh", "-c", "cat; echo err >&2; exit 7"], stdin=b"in\0\xff")
        assert (done.exit_code, done.stdout, done.stderr) == (7, b"in\0\xff", b"err\n")
        here = large_file(tmp_path / "here", 16 << 20)
        ssh.push(here, "/tmp/there")
        ssh.pull("/tmp/there", tmp_path / "back")
        assert same(here, tmp_path / "back")

    def test_a_lost_link_is_noticed_and_made_again(self, ssh: SshTransport, termux: Phone) -> None:
        termux.host.kill_daemon("adbd")
        with pytest.raises(Unreachable):
            ssh.exec(["sleep", "60"])
        termux.host.start_daemon("adbd")
        ssh.reconnect()
        assert ssh.exec(["true"]).ok

    def test_an_unknown_host_key_is_refused(self, termux: Phone, keys: Path, tmp_path: Path) -> None:
        # The address is that of every phone: only a line for this phone's name counts.
        device = lab_device(termux, keys, tmp_path, known(keys, f"[127.0.0.1]:{TERMUX_PORT}"))
        with pytest.raises(HostKeyRefused, match="is unknown") as caught:
            open_transport(device)
        offered = (keys / "host_key.pub").read_text().split()[1]
        assert f"echo pixel ssh-ed25519 {offered} >> {tmp_path / 'known_hosts'}" in str(caught.value.hint)

    def test_a_changed_host_key_is_refused(self, termux: Phone, keys: Path, tmp_path: Path) -> None:
        with pytest.raises(HostKeyRefused, match="has changed"):
            open_transport(lab_device(termux, keys, tmp_path, known(keys, "pixel", "other_key")))

    def test_no_sshd_there(self, phone: Phone, keys: Path, tmp_path: Path) -> None:
        with pytest.raises(Unreachable, match="nothing listens on port 8022 of pixel") as caught:
            open_transport(lab_device(phone, keys, tmp_path, known(keys, "pixel")))
        assert "in Termux: sshd" in str(caught.value.hint)

    def test_it_reaches_the_phone_and_nothing_beyond(self, phone: Phone, keys: Path, tmp_path: Path) -> None:
        device = replace(lab_device(phone, keys, tmp_path, ""), host="192.0.2.1")
        with pytest.raises(BadInput, match="reaches that phone alone"):
            open_transport(device)


class TestRunAs:
    """With a stand-in for run-as, which changes the folder only: the phone here has one user."""

    @pytest.fixture
    def phone_with_termux(self, make_phone: MakePhone) -> Phone:
        root = Root(files={f"{TERMUX}/usr/bin/tool": File("#!/bin/sh\necho from termux\n", mode=0o755)})
        root += Root(folders={f"{TERMUX}/home": 0o777, f"{TERMUX}/usr/tmp": 0o777, "/data/data/org.example": 0o777})
        return make_phone(debuggable=("com.termux", "org.example"), more=(root, {}))

    def test_commands_find_termux_as_its_own_login_has_it(self, phone_with_termux: Phone) -> None:
        phone = phone_with_termux
        with open_transport(replace(phone.device, run_as="com.termux")) as transport:
            script = 'pwd; echo "$HOME"; echo "$PREFIX"; echo "$TMPDIR"; tool'
            said = transport.exec(["sh", "-c", script]).stdout.decode().splitlines()
            assert said == [f"{TERMUX}/home", f"{TERMUX}/home", f"{TERMUX}/usr", f"{TERMUX}/usr/tmp", "from termux"]

    def test_files_and_arguments(self, phone_with_termux: Phone, tmp_path: Path) -> None:
        here = large_file(tmp_path / "here", 4 << 20)
        with open_transport(replace(phone_with_termux.device, run_as="com.termux")) as transport:
            name = "it's $(touch pwned)\n"
            assert transport.exec(["printf", "%s", name]).stdout == name.encode()
            transport.push(here, name)
            transport.pull(name, tmp_path / "back")
            assert transport.exec(["sh", "-c", "ls | wc -l; rm *"]).stdout.strip() == b"2"
        assert same(here, tmp_path / "back")

    def test_another_app_starts_in_its_own_folder(self, phone_with_termux: Phone) -> None:
        with open_transport(replace(phone_with_termux.device, run_as="org.example")) as transport:
            assert transport.exec(["pwd"]).stdout == b"/data/data/org.example\n"

    def test_an_app_that_is_not_debuggable(self, phone: Phone) -> None:
        with pytest.raises(DeviceNotReady, match=r"package not debuggable: com\.termux") as caught:
            open_transport(replace(phone.device, run_as="com.termux"))
        assert "Termux is also reached by its sshd" in str(caught.value.hint)
