"""A server that lets nobody run commands, as routers and Git hosts do: OpenSSH has no setting for that."""

import getpass
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paramiko
import pytest

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.measure.transports.ssh_config import SshTarget


class _NoCommands(paramiko.ServerInterface):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return False


@pytest.fixture
def target(tmp_path: Path) -> Iterator[SshTarget]:
    key = paramiko.RSAKey.generate(2048)
    key.write_private_key_file(str(tmp_path / "key"))
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        serving: list[paramiko.Transport] = []

        def serve() -> None:
            server = paramiko.Transport(listener.accept()[0])
            server.add_server_key(key)
            server.start_server(server=_NoCommands(), event=threading.Event())
            serving.append(server)

        thread = threading.Thread(target=serve)
        thread.start()
        files = {"identity_files": (tmp_path / "key",), "known_hosts": (tmp_path / "known_hosts",)}
        yield SshTarget("router", "127.0.0.1", port, getpass.getuser(), **files, identities_only=True)
        thread.join()
        serving[0].close()


def test_a_server_that_runs_no_commands_says_so(target: SshTarget) -> None:
    with (
        SshTransport("router", target) as transport,
        pytest.raises(Unreachable, match="the server refused to run a command") as caught,
    ):
        transport.exec(["true"])
    assert "allow commands" in str(caught.value.hint)
