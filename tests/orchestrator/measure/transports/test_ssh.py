"""Whom SSH talks to, as whom, and what it says when it cannot: against real servers."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from orchestrator.errors import BadInput, HostKeyRefused, LoginRefused, Unreachable
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.measure.transports.ssh_config import SshTarget
from tests.hosts import MakeHost, SshHost, require_program


def _keygen(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> str:
    """Makes a key pair; returns the public half."""
    require_program("ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", path], check=True)
    return path.with_name(path.name + ".pub").read_text()


def _fingerprint(public: str) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", "-"], input=public, capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def _works(target: SshTarget) -> bool:
    with SshTransport("device", target) as transport:
        return transport.exec(["true"]).ok


class TestHostKey:
    def test_unknown_is_refused_and_the_hint_accepts_it(self, ssh_host: SshHost, tmp_path: Path) -> None:
        known_hosts = tmp_path / "known hosts"
        target = replace(ssh_host.target, known_hosts=(known_hosts,))
        with pytest.raises(HostKeyRefused, match="is unknown: ssh-ed25519 SHA256:") as caught:
            SshTransport("device", target)
        assert _fingerprint((ssh_host.folder / "host_key.pub").read_text()) in str(caught.value)
        assert not known_hosts.exists()
        command = str(caught.value.hint).partition("to accept it: ")[2]
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
        assert _works(target)

    def test_unknown_behind_a_jump_host_is_accepted_through_it(self, make_ssh_host: MakeHost, tmp_path: Path) -> None:
        jump, device = make_ssh_host(), make_ssh_host()
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(jump.known_hosts.read_text())
        target = replace(device.through(jump), known_hosts=(known_hosts,))
        with pytest.raises(HostKeyRefused, match="is unknown") as caught:
            SshTransport("device", target)
        assert f"ssh -J {target.user}@127.0.0.1:{jump.port} " in str(caught.value.hint)

    def test_changed_is_refused_with_both_fingerprints(self, ssh_host: SshHost, tmp_path: Path) -> None:
        other = _keygen(tmp_path / "other")
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"# the lab\n[127.0.0.1]:{ssh_host.port} {other}")
        with pytest.raises(HostKeyRefused, match="has changed") as caught:
            SshTransport("device", replace(ssh_host.target, known_hosts=(known_hosts,)))
        shown = (ssh_host.folder / "host_key.pub").read_text()
        assert {_fingerprint(other), _fingerprint(shown)} <= set(str(caught.value).replace(",", "").split())
        assert f"{known_hosts} line 2" in str(caught.value)
        assert "ssh-keygen -R" in str(caught.value.hint)

    def test_revoked_is_refused_although_it_is_known(self, ssh_host: SshHost, tmp_path: Path) -> None:
        line = ssh_host.known_hosts.read_text()
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(line + "@revoked " + line)
        with pytest.raises(HostKeyRefused, match=r"was revoked: .* line 2"):
            SshTransport("device", replace(ssh_host.target, known_hosts=(known_hosts,)))

    @pytest.mark.parametrize("pattern", ["[127.0.0.*]:{port}", "other,[127.0.0.1]:{port}", "hashed"])
    def test_known_by_every_form_of_line(self, ssh_host: SshHost, tmp_path: Path, pattern: str) -> None:
        name = f"[127.0.0.1]:{ssh_host.port}"
        form = paramiko.HostKeys.hash_host(name) if pattern == "hashed" else pattern.format(port=ssh_host.port)
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text("not a key line\n" + ssh_host.known_hosts.read_text().replace(name, form))
        assert _works(replace(ssh_host.target, known_hosts=(tmp_path / "absent", known_hosts)))

    def test_an_excluded_name_is_not_known(self, ssh_host: SshHost, tmp_path: Path) -> None:
        name = f"[127.0.0.1]:{ssh_host.port}"
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(ssh_host.known_hosts.read_text().replace(name, f"*,!{name}"))
        with pytest.raises(HostKeyRefused, match="is unknown"):
            SshTransport("device", replace(ssh_host.target, known_hosts=(known_hosts,)))

    def test_a_second_key_of_the_host_is_not_a_change(self, make_ssh_host: MakeHost, tmp_path: Path) -> None:
        ecdsa = _keygen(tmp_path / "ecdsa", kind="ecdsa")
        host = make_ssh_host(f"HostKey {tmp_path / 'ecdsa'}")
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{host.port} {ecdsa}")
        assert _works(replace(host.target, known_hosts=(known_hosts,)))

    def test_known_hosts_that_cannot_be_read(self, ssh_host: SshHost, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="cannot read the known hosts"):
            SshTransport("device", replace(ssh_host.target, known_hosts=(tmp_path,)))


class TestLogin:
    def test_wrong_key(self, ssh_host: SshHost, tmp_path: Path) -> None:
        _keygen(tmp_path / "other")
        with pytest.raises(LoginRefused, match=r"refused user .* with .*/other") as caught:
            SshTransport("device", replace(ssh_host.target, identity_files=(tmp_path / "other",)))
        assert "ssh-copy-id" in str(caught.value.hint)

    def test_wrong_user(self, ssh_host: SshHost) -> None:
        with pytest.raises(LoginRefused, match="refused user nobody-here"):
            SshTransport("device", replace(ssh_host.target, user="nobody-here"))

    def test_no_key_at_all(self, ssh_host: SshHost) -> None:
        with pytest.raises(LoginRefused, match="no key: none was found"):
            SshTransport("device", replace(ssh_host.target, identity_files=()))

    def test_a_named_key_that_is_missing(self, ssh_host: SshHost, tmp_path: Path) -> None:
        with pytest.raises(LoginRefused, match=r"there is no key file .*/absent"):
            SshTransport("device", replace(ssh_host.target, identity_files=(tmp_path / "absent",)))

    def test_a_server_that_takes_no_keys(self, make_ssh_host: MakeHost) -> None:
        host = make_ssh_host("PubkeyAuthentication no", "PasswordAuthentication yes")
        with pytest.raises(LoginRefused, match="takes no keys, only password"):
            SshTransport("device", host.target)

    def test_the_second_key_is_tried(self, ssh_host: SshHost, tmp_path: Path) -> None:
        _keygen(tmp_path / "other")
        assert _works(replace(ssh_host.target, identity_files=(tmp_path / "other", ssh_host.user_key)))

    def test_key_from_the_agent(self, ssh_host: SshHost, ssh_agent: Path) -> None:
        subprocess.run(["ssh-add", "-q", ssh_host.user_key], check=True)
        assert _works(replace(ssh_host.target, identity_files=(), identities_only=False))
        with pytest.raises(LoginRefused):
            SshTransport("device", replace(ssh_host.target, identity_files=()))

    def test_a_key_with_a_passphrase_goes_by_the_agent(
        self, make_ssh_host: MakeHost, ssh_agent: Path, tmp_path: Path
    ) -> None:
        host, key = make_ssh_host(), tmp_path / "locked"
        public = _keygen(key, passphrase="correct horse")
        (host.folder / "authorized_keys").write_text(public)
        target = replace(host.target, identity_files=(key,))
        with pytest.raises(LoginRefused, match="locked: ssh-add it"):
            SshTransport("device", target)
        answer = tmp_path / "answer"
        answer.write_text("#!/bin/sh\necho correct horse\n")
        answer.chmod(0o700)
        environment = {**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", "-q", key], check=True, env=environment)
        assert _works(target)


@pytest.fixture
def ssh_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent, empty."""
    path = tmp_path / "agent"
    with subprocess.Popen(
        [require_program("ssh-agent"), "-D", "-a", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield path
        agent.kill()


class TestUnreachable:
    def test_nobody_listens(self, ssh_host: SshHost) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(Unreachable, match=rf"device \(127.0.0.1:{port}\): connection refused") as caught:
            SshTransport("device", replace(ssh_host.target, port=port))
        assert "sshd" in str(caught.value.hint)

    def test_no_such_name(self, ssh_host: SshHost) -> None:
        with pytest.raises(Unreachable, match="no such host name"):
            SshTransport("device", replace(ssh_host.target, address="no-such-host.invalid"))

    def test_not_an_ssh_server(self, ssh_host: SshHost) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            answer = threading.Thread(target=_answer_http, args=(server,))
            answer.start()
            with pytest.raises(Unreachable):
                SshTransport("device", replace(ssh_host.target, port=server.getsockname()[1]))
            answer.join()

    def test_a_cut_link_is_told_from_a_killed_command(self, make_ssh_host: MakeHost) -> None:
        host = make_ssh_host()
        with SshTransport("device", host.target) as transport:
            assert transport.exec(["sh", "-c", "kill -9 $$"]).exit_code is None
            cut = threading.Timer(0.3, host.cut)
            cut.start()
            with pytest.raises(Unreachable, match="the link was lost"):
                transport.exec(["sleep", "60"])
            cut.join()
            with pytest.raises(Unreachable, match="the link was lost"):
                transport.exec(["true"])
            transport.reconnect()
            assert transport.exec(["true"]).ok

    def test_a_cut_link_ends_an_upload(self, make_ssh_host: MakeHost, tmp_path: Path) -> None:
        host, large = make_ssh_host(), tmp_path / "large"
        large.write_bytes(bytes(32 << 20))
        with SshTransport("device", host.target) as transport, pytest.raises(Unreachable, match="the link was lost"):
            transport.push(large, str(tmp_path / "there"), on_bytes=lambda _: host.cut())


def _answer_http(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class TestJump:
    def test_through_a_jump_host(self, make_ssh_host: MakeHost, tmp_path: Path) -> None:
        jump, device = make_ssh_host(), make_ssh_host()
        (tmp_path / "here").write_bytes(os.urandom(3 << 20))
        with SshTransport("device", device.through(jump)) as transport:
            assert transport.exec(["printenv", "HOME"]).stdout.decode().strip() == str(device.home)
            transport.push(tmp_path / "here", str(tmp_path / "there"))
        assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
        assert (jump.logins(), device.logins()) == (1, 1)

    def test_a_jump_host_that_forwards_nothing(self, make_ssh_host: MakeHost) -> None:
        jump, device = make_ssh_host("AllowTcpForwarding no"), make_ssh_host()
        with pytest.raises(Unreachable, match="the jump host cannot reach device"):
            SshTransport("device", device.through(jump))

    def test_the_hop_that_fails_is_named(self, make_ssh_host: MakeHost) -> None:
        jump, device = make_ssh_host(), make_ssh_host()
        target = device.through(jump)
        jump.stop()
        with pytest.raises(Unreachable, match=rf"jump \(127.0.0.1:{jump.port}\): connection refused"):
            SshTransport("device", target)

    def test_a_cut_at_the_jump_host_is_a_lost_link(self, make_ssh_host: MakeHost) -> None:
        jump, device = make_ssh_host(), make_ssh_host()
        with SshTransport("device", device.through(jump)) as transport:
            cut = threading.Timer(0.3, jump.cut)
            cut.start()
            with pytest.raises(Unreachable, match="the link was lost"):
                transport.exec(["sleep", "60"])
            cut.join()

    def test_a_proxy_command(self, make_ssh_host: MakeHost, tmp_path: Path) -> None:
        jump, device = make_ssh_host(), make_ssh_host()
        hop = f"{jump.target.user}@127.0.0.1 -p {jump.port} -i {jump.user_key} -o UserKnownHostsFile={jump.known_hosts}"
        command = f"ssh -F none {hop} -W 127.0.0.1:{device.port}"
        assert _works(replace(device.target, proxy_command=command))
        assert jump.logins() == 1


@pytest.mark.parametrize("sends", ["recv", "close"])
def test_a_link_that_is_lost_while_paramiko_sends_for_itself(
    ssh_host: SshHost, monkeypatch: pytest.MonkeyPatch, sends: str
) -> None:
    """Its own EOFError, which click tells as "interrupted": so a push under load once ended."""
    genuine = getattr(paramiko.Channel, sends)

    def lost(channel: paramiko.Channel, *words: object) -> object:
        genuine(channel, *words)
        raise EOFError

    with SshTransport("device", ssh_host.target) as transport, monkeypatch.context() as patch:
        patch.setattr(paramiko.Channel, sends, lost)
        with pytest.raises(Unreachable, match="the link was lost"):
            transport.exec(["echo", "hello"])
