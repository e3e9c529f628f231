"""Through a running adb server, Debian's own, to the genuine adbd."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, CommandFailed, LoginRefused, Unreachable
from orchestrator.measure.lab.adb_device import open_adb
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports import adb_server
from orchestrator.measure.transports.adb import AdbTransport
from orchestrator.measure.transports.adb_keys import make_key
from orchestrator.measure.transports.adb_server import AdbServer
from tests.hosts import require_program
from tests.orchestrator.measure.transports.test_adb import large_file, same, until
from tests.orchestrator.measure.transports.test_adb_link import Background
from tests.phones import MakePhone, Phone


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    address: str

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def start_server(folder: Path, key: Path) -> Server:
    """On a loopback port of its own, with a home of its own, so that no other adb of this machine is touched."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = folder / "home"
    home.mkdir(parents=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [require_program("adb"), "-L", f"tcp:localhost:{port}", "server", "nodaemon"],
            env={"PATH": os.environ["PATH"], "HOME": str(home), "ADB_VENDOR_KEYS": str(key), "ADB_MDNS": "0"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    until(lambda: _listens(port) or process.poll() is not None)
    assert process.poll() is None, (folder / "log").read_text()
    return Server(process, f"127.0.0.1:{port}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def server(adb_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("server"), adb_key)
    yield server
    server.stop()


@pytest.fixture
def device(phone: Phone, server: Server) -> Device:
    return replace(phone.device, adb_server=server.address, adb_key=None)


@pytest.fixture
def adb(device: Device) -> Iterator[AdbTransport]:
    with open_adb(device) as transport:
        yield transport


def test_commands_are_as_on_a_connection_of_our_own(adb: AdbTransport, phone: Phone) -> None:
    done = adb.exec(["sh", "-c", "cat; echo err >&2; pwd; exit 7"], stdin=b"in\0\xff")
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"in\0\xff/data/local/tmp\n", b"err\n")
    assert adb.exec(["sh", "-c", "kill -9 $$"]).exit_code is None
    assert adb.exec(["printf", "%s", "a 'b'\n$(x)"]).stdout == b"a 'b'\n$(x)"
    with pytest.raises(CommandFailed, match="did not end"):
        adb.exec(["sleep", "4716"], timeout_s=0.5)
    until(lambda: not phone.runs("sleep 4716"))


def test_large_input_and_output_at_once(adb: AdbTransport) -> None:
    sent = os.urandom(8 << 20)
    assert adb.exec(["cat"], stdin=sent).stdout == sent


def test_a_command_may_leave_its_input_unread(adb: AdbTransport) -> None:
    assert [adb.exec(["sh", "-c", "exit 5"], stdin=bytes(8 << 20)).exit_code for _ in range(5)] == [5] * 5


def test_files_there_and_back(adb: AdbTransport, tmp_path: Path) -> None:
    here = large_file(tmp_path / "here", 16 << 20)
    adb.push(here, "served")
    adb.pull("served", tmp_path / "back")
    adb.exec(["rm", "served"])
    assert same(here, tmp_path / "back")
    with pytest.raises(CommandFailed, match=r"Read-only file system|Permission denied"):
        adb.push(here, "/usr/x")


def test_a_device_by_its_serial(adb: AdbTransport, device: Device) -> None:
    """As a phone on USB is named; here the server has it by TCP, and its serial is its address."""
    serial = f"{device.host}:{device.port}"
    with open_adb(replace(device, host=None, port=None, serial=serial)) as transport:
        assert transport.exec(["true"]).ok


def test_a_serial_that_the_usual_server_has_is_taken_from_there(
    adb: AdbTransport, device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = server.address.rpartition(":")
    monkeypatch.setattr(AdbServer.__init__, "__defaults__", ((host, int(port)),))
    plain = Device("pixel", "adb", serial=f"{device.host}:{device.port}")
    with open_adb(plain) as transport:
        assert transport.exec(["true"]).ok


def test_an_unknown_serial(server: Server) -> None:
    with pytest.raises(Unreachable, match="'X1' not found") as caught:
        open_adb(Device("pixel", "adb", serial="X1", adb_server=server.address))
    assert "adb devices -l" in str(caught.value.hint)


def test_a_phone_that_does_not_know_the_servers_key(phone: Phone, tmp_path: Path) -> None:
    other = start_server(tmp_path / "other", make_key(tmp_path / "key").path)
    try:
        with pytest.raises(LoginRefused, match="not authorized"):
            open_adb(replace(phone.device, adb_server=other.address))
    finally:
        other.stop()


def test_no_server(phone: Phone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="no adb server at"):
        open_adb(replace(phone.device, adb_server=f"127.0.0.1:{port}"))
    with pytest.raises(BadInput, match="HOST:PORT"):
        open_adb(replace(phone.device, adb_server="here"))


@pytest.mark.parametrize(
    ("answer", "text"), [(b"", "no answer in time"), (b"HTTP/1.1 400", "is no adb server"), (None, "the link was lost")]
)
def test_something_else_at_the_servers_port(
    phone: Phone, answer: bytes | None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adb_server, "REQUEST_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            with other.accept()[0] as client:
                if answer is not None:
                    client.sendall(answer)
                    client.recv(64)
                    client.recv(64)

        serving = threading.Thread(target=serve)
        serving.start()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(Unreachable, match=text):
            open_adb(replace(phone.device, adb_server=address))
        serving.join()


def test_a_device_that_the_server_cannot_reach(phone: Phone, server: Server) -> None:
    with pytest.raises(Unreachable, match="failed to connect"):
        open_adb(replace(phone.device, adb_server=server.address, port=5999))


def test_a_killed_adbd_and_a_killed_server_are_lost_links(make_phone: MakePhone, adb_key: Path, tmp_path: Path) -> None:
    phone, server = make_phone(), start_server(tmp_path / "own", adb_key)
    device = replace(phone.device, adb_server=server.address)
    with open_adb(device) as transport:
        for kill in (lambda: phone.host.kill_daemon("adbd"), server.stop):
            started: list[bytes] = []
            waiting = Background(
                lambda started=started: transport.stream(["sh", "-c", "echo on; sleep 600"], on_line=started.append)
            )
            until(lambda started=started: bool(started))
            kill()
            assert "Unreachable" in waiting.ending()
            if phone.host.processes() and server.process.poll() is None:
                phone.host.start_daemon("adbd")
                until(lambda: _again(transport))


def _again(transport: AdbTransport) -> bool:
    try:
        transport.reconnect()
        return transport.exec(["true"]).ok
    except Unreachable:
        time.sleep(0.1)
        return False
