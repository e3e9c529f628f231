"""Files onto a device with nothing but sh: hashed there by what it has, or brought back and hashed here."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.native.files import place_of, remote_sha256, send_file, sha256_of
from orchestrator.measure.transports.base import DEFAULT_TIMEOUT_S, Completed, OnBytes, Transport
from orchestrator.measure.transports.local import LocalTransport
from tests.hosts import require_program


class BareDevice(LocalTransport):
    """A device whose PATH holds only these programs of a real BusyBox, and no sha256sum unless it is named.

    Its ``sh`` is this machine's: BusyBox's own has all of BusyBox built in.
    """

    def __init__(self, folder: Path, programs: Sequence[str]) -> None:
        super().__init__("bare")
        busybox = require_program("busybox")
        folder.mkdir()
        for name in programs:
            (folder / name).symlink_to("/bin/sh" if name == "sh" else busybox)
        self._path, self.pulled = str(folder), 0

    def exec(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> Completed:
        program = f"{self._path}/{argv[0]}"
        env = shutil.which("env") or "env"
        return super().exec([env, f"PATH={self._path}", program, *argv[1:]], stdin=stdin, timeout_s=timeout_s)

    def pull(self, remote: str, local: Path) -> None:
        self.pulled += 1
        super().pull(remote, local)


class Damaging(LocalTransport):
    """A link or a disk that loses the end of a file."""

    def push(self, local: Path, remote: str, *, on_bytes: OnBytes | None = None) -> None:
        del on_bytes
        Path(remote).write_bytes(local.read_bytes()[:-1])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a tool; $(touch pwned)"
    path.write_bytes(b"\x00\x01 some bytes\n" * 1000)
    return path


def test_a_file_arrives_whole_and_is_sent_once(transport: Transport, file: Path, tmp_path: Path) -> None:
    place = place_of(f"{tmp_path}/there", file)
    first = send_file(transport, file, place, program=True)
    assert first.pushed
    assert remote_sha256(transport, first.remote) == first.sha256 == sha256_of(file)
    assert not send_file(transport, file, place).pushed
    listed = transport.exec(["ls", "-l", first.remote]).stdout
    assert listed.startswith(b"-rwxr-xr-x")
    assert not (tmp_path / "pwned").exists()


def test_a_missing_file_has_no_hash(transport: Transport, tmp_path: Path) -> None:
    assert remote_sha256(transport, f"{tmp_path}/none") is None


BASICS = ("sh", "mkdir", "mv", "rm", "chmod", "cat")


@pytest.mark.parametrize(
    ("programs", "pulls"),
    [((*BASICS, "sha256sum"), 0), ((*BASICS, "busybox"), 0), (BASICS, 2)],
    ids=["sha256sum", "busybox", "nothing"],
)
def test_whatever_the_userland_can_hash_with(programs: Sequence[str], pulls: int, file: Path, tmp_path: Path) -> None:
    device = BareDevice(tmp_path / "bin", programs)
    place = place_of(f"{tmp_path}/there", file)
    assert send_file(device, file, place).pushed
    assert not send_file(device, file, place).pushed
    assert device.pulled == pulls
    assert Path(place).read_bytes() == file.read_bytes()


def test_what_arrives_otherwise_is_refused_and_removed(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceNotReady, match="arrived on local with sha256"):
        send_file(Damaging(), file, place_of(f"{tmp_path}/there", file))
    assert [path for path in (tmp_path / "there").rglob("*") if path.is_file()] == []


def test_a_file_that_was_altered_there_is_sent_anew(file: Path, tmp_path: Path) -> None:
    place = place_of(f"{tmp_path}/there", file)
    send_file(LocalTransport(), file, place)
    Path(place).write_bytes(b"altered")
    assert send_file(LocalTransport(), file, place).pushed
    assert Path(place).read_bytes() == file.read_bytes()
