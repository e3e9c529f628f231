"""The stand-in phone: the genuine adbd, fetched whole or not at all, without vsock; and its own stand-in programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin import adbd_launch
from orchestrator.measure.standin import adbd_root as fetching
from orchestrator.measure.standin.adbd import PORT
from tests.phones import MakePhone, Phone, adb_key, adbd_root, make_phone, phone

__all__ = ["adb_key", "adbd_root", "make_phone", "phone"]


def test_a_failed_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SUITE", "no-such-release")
    with pytest.raises(DeviceNotReady, match="cannot read Debian no-such-release's index"):
        fetching.fetch_adbd(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_another_program_is_not_taken_for_adbd() -> None:
    with pytest.raises(DeviceNotReady, match="is there 0 times"):
        fetching._with_authorization(Path("/bin/sh").read_bytes())


def test_vsock_is_refused_and_everything_else_is_not() -> None:
    script = """
import socket
socket.socket(socket.AF_INET).close(), socket.socket(socket.AF_UNIX).close()
try:
    socket.socket(40, socket.SOCK_STREAM)
except OSError as error:
    print(error.errno)
"""
    argv = [sys.executable, "-I", "-S", adbd_launch.__file__, "0", sys.executable, "-c", script]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "97\n"


def test_getprop_and_dumpsys_answer_as_androids_own(phone: Phone) -> None:
    with phone.open() as transport:
        assert transport.exec(["getprop", "ro.product.model"]).stdout == b"Pixel 8\n"
        assert b"[ro.soc.model]: [Tensor G3]\n" in transport.exec(["getprop"]).stdout
        assert transport.exec(["getprop", "no.such.property"]).stdout == b"\n"
        assert transport.exec(["dumpsys", "nothing"]).stdout == b"Can't find service: nothing\n"


def test_it_listens_on_its_port_and_nowhere_else(phone: Phone) -> None:
    listening = phone.host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]).splitlines()
    ports = {int(line.split()[1].rpartition(":")[2], 16) for line in listening if line.split()[3] == "0A"}
    assert ports == {PORT}


def test_two_phones_at_once(make_phone: MakePhone) -> None:
    with make_phone().open() as one, make_phone().open() as other:
        one.exec(["touch", "mine"])
        assert other.exec(["ls"]).stdout == b""
