"""What becomes of an ADB link: refused, cut, silent, restarted; and of keys that a phone does not know."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, DeviceNotReady, EarshotError, LoginRefused, Unreachable
from orchestrator.measure.lab.adb_device import open_adb
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports import adb_connection, adb_tcp, adb_wire
from orchestrator.measure.transports.adb_keys import load_key, make_key
from tests.hosts import require_program
from tests.orchestrator.measure.transports.test_adb import hole
from tests.phones import MakePhone, Phone


def packet(command: int) -> bytes:
    return adb_wire.HEADER.pack(command, 1, 1, 0, 0, command ^ 0xFFFFFFFF)


class Background(threading.Thread):
    """Runs an action and keeps how it ended."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._action = action
        self.error: EarshotError | None = None
        self.start()

    def run(self) -> None:
        try:
            self._action()
        except EarshotError as exc:
            self.error = exc

    def ending(self) -> str:
        self.join(60)
        assert not self.is_alive()
        return f"{type(self.error).__name__}: {self.error}"


class TestKeys:
    def test_an_unknown_key_is_refused_and_the_phone_is_asked(
        self, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(adb_connection, "ACCEPT_TIMEOUT_S", 0.5)
        key = make_key(tmp_path / "other")
        with pytest.raises(LoginRefused) as caught:
            open_adb(replace(phone.device, adb_key=key.path))
        assert key.fingerprint() in caught.value.message
        assert caught.value.hint is not None
        assert "accept this key on its screen" in caught.value.hint

    def test_a_missing_key_says_how_to_make_one(self, phone: Phone, tmp_path: Path) -> None:
        with pytest.raises(LoginRefused, match="there is no ADB key") as caught:
            open_adb(replace(phone.device, adb_key=tmp_path / "none"))
        assert f"adb keygen {tmp_path / 'none'}" in str(caught.value.hint)

    def test_the_usual_key_is_the_users_own(
        self, phone: Phone, adb_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".android").mkdir()
        (tmp_path / ".android/adbkey").write_bytes(adb_key.read_bytes())
        monkeypatch.setenv("HOME", str(tmp_path))
        with open_adb(replace(phone.device, adb_key=None)) as transport:
            assert transport.exec(["true"]).ok

    def test_a_broken_key_is_not_shown(self, phone: Phone, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        secret = make_key(tmp_path / "key").path.read_text().splitlines()
        (tmp_path / "key").write_text("\n".join(secret[:9]))
        caplog.set_level(logging.DEBUG)
        with pytest.raises(LoginRefused, match="is no ADB key") as caught:
            open_adb(replace(phone.device, adb_key=tmp_path / "key"))
        told = f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r} {caplog.text}"
        assert not any(line in told for line in secret)

    def test_a_new_key_is_for_its_user_alone(self, tmp_path: Path) -> None:
        key = make_key(tmp_path / "new/adbkey")
        assert oct(key.path.stat().st_mode)[-3:] == "600"
        assert load_key(key.path).fingerprint() == key.fingerprint()
        assert "PRIVATE" not in repr(key) + str(key.public_line())

    def test_a_phone_that_asks_for_no_key(self, make_phone: MakePhone) -> None:
        with make_phone(authorized=False).open() as transport:
            assert transport.exec(["true"]).ok


class TestNoAdbd:
    def test_nobody_listens(self, phone: Phone) -> None:
        with pytest.raises(Unreachable, match="connection refused") as caught:
            open_adb(replace(phone.device, port=5999))
        assert "adb tcpip" in str(caught.value.hint)

    def test_no_such_host(self, phone: Phone) -> None:
        with pytest.raises(Unreachable, match="no such host name"):
            open_adb(replace(phone.device, host="no-such-host.invalid"))

    def test_a_silent_network_is_no_refused_key(self, make_phone: MakePhone, short_timeouts: None) -> None:
        phone = make_phone()
        phone.link.cut()
        with pytest.raises(Unreachable, match="no answer in time"):
            phone.open()

    @pytest.mark.parametrize(
        ("answer", "error", "text"),
        [
            (b"SSH-2.0-OpenSSH_9.2 and many more words\r\n", Unreachable, "no ADB is spoken there"),
            (packet(adb_wire.STLS), LoginRefused, "ADB over TLS"),
            (packet(adb_wire.CLSE) + packet(adb_wire.STLS), LoginRefused, "ADB over TLS"),
            (packet(adb_wire.OPEN), Unreachable, "it answered the greeting with"),
            (b"", Unreachable, "the link was lost"),
        ],
    )
    def test_another_kind_of_server(self, adb_key: Path, answer: bytes, error: type[EarshotError], text: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                with server.accept()[0] as client:
                    client.recv(24)
                    client.sendall(answer)
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_WR)
                        client.recv(1 << 16)

            serving = threading.Thread(target=serve)
            serving.start()
            device = Device("pixel", "adb", host="127.0.0.1", port=server.getsockname()[1], adb_key=adb_key)
            with pytest.raises(error, match=text):
                open_adb(device)
            serving.join()

    def test_no_such_phone_on_usb(self, adb_key: Path) -> None:
        """All that can be said of USB where there is none: the phone is not there, or libusb is not."""
        with pytest.raises((Unreachable, DeviceNotReady), match=r"no phone X1|needs libusb"):
            open_adb(Device("pixel", "adb", serial="X1", adb_key=adb_key))

    def test_a_package_name_is_no_shell_code(self, phone: Phone) -> None:
        with pytest.raises(BadInput, match="run_as must be the name"):
            open_adb(replace(phone.device, run_as="a.b; reboot"))


class TestLostLinks:
    def test_a_killed_adbd_is_noticed_at_once(self, make_phone: MakePhone, monkeypatch: pytest.MonkeyPatch) -> None:
        # By the end of the connection: no timeout could help here.
        for name in ("LINK_TIMEOUT_S", "PROBE_IDLE_S"):
            monkeypatch.setattr(adb_tcp, name, 3600)
        phone = make_phone()
        with phone.open() as transport:
            waiting = Background(lambda: transport.exec(["sleep", "600"], timeout_s=600))
            time.sleep(0.3)
            phone.host.kill_daemon("adbd")
            assert "Unreachable: pixel" in waiting.ending()
            with pytest.raises(Unreachable, match="the link was lost"):
                transport.exec(["true"])
            phone.host.start_daemon("adbd")
            transport.reconnect()
            assert transport.exec(["true"]).ok

    def test_adbd_killed_while_files_travel(self, make_phone: MakePhone, tmp_path: Path) -> None:
        phone = make_phone()
        large = hole(tmp_path / "large", 256 << 20)
        seen = threading.Event()
        with phone.open() as transport:
            pushing = Background(lambda: transport.push(large, "there", on_bytes=lambda _: seen.set()))
            assert seen.wait(30)
            phone.host.kill_daemon("adbd")
            assert "Unreachable: pixel" in pushing.ending()
            phone.host.start_daemon("adbd")
            transport.reconnect()
            transport.exec(["sh", "-c", "head -c 200000000 /dev/zero >there"])
            pulling = Background(lambda: transport.pull("there", tmp_path / "back"))
            while not list(tmp_path.glob(".back.*")) and pulling.is_alive():
                time.sleep(0.005)
            phone.host.kill_daemon("adbd")
            assert "Unreachable: pixel" in pulling.ending()
        assert [path.name for path in tmp_path.glob("*back*")] == []

    def test_silence_is_noticed(self, make_phone: MakePhone, tmp_path: Path, short_timeouts: None) -> None:
        phone = make_phone()
        large = hole(tmp_path / "large", 256 << 20)
        with phone.open() as waiting_transport, phone.open() as pushing_transport:
            seen = threading.Event()
            waiting = Background(lambda: waiting_transport.exec(["sleep", "600"], timeout_s=600))
            pushing = Background(lambda: pushing_transport.push(large, "there", on_bytes=lambda _: seen.set()))
            assert seen.wait(30)
            phone.link.cut()
            assert "Unreachable: pixel" in waiting.ending()
            assert "Unreachable: pixel" in pushing.ending()
            phone.link.restore()
            waiting_transport.reconnect()
            assert waiting_transport.exec(["true"]).ok

    def test_a_short_silence_heals(self, make_phone: MakePhone, tmp_path: Path) -> None:
        phone = make_phone()
        large = hole(tmp_path / "large", 64 << 20)
        seen = threading.Event()
        with phone.open() as transport:
            pushing = Background(lambda: transport.push(large, "there", on_bytes=lambda _: seen.set()))
            assert seen.wait(30)
            phone.link.cut()
            time.sleep(0.7)
            phone.link.restore()
            assert pushing.ending() == "NoneType: None"
            assert transport.exec(["sh", "-c", "wc -c <there"]).stdout.split() == [b"%d" % (64 << 20)]

    def test_a_stopped_adbd_costs_the_command_and_nothing_more(self, make_phone: MakePhone) -> None:
        phone = make_phone()
        with phone.open() as transport:
            (adbd,) = (pid for pid, line in phone.host.processes().items() if "adbd" in line)
            os.kill(adbd, signal.SIGSTOP)
            stopped = Background(lambda: transport.exec(["true"], timeout_s=1.0))
            time.sleep(1.5)
            os.kill(adbd, signal.SIGCONT)
            assert "did not end within 1 s" in stopped.ending()
            assert transport.exec(["true"]).ok


def test_the_public_half_is_what_adb_makes_of_it(tmp_path: Path) -> None:
    key = make_key(tmp_path / "adbkey")
    made = subprocess.run([require_program("adb"), "pubkey", key.path], capture_output=True, check=True).stdout
    assert made.split()[0] == key.public_line().split()[0]
