"""Archives with a Python in them: what is taken, what is refused, and what a device's tar gets of them."""

import io
import os
import struct
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.provision.program_header import Needs
from orchestrator.measure.provision.python_archive import PackedPython, id_of, pack

Entry = tuple[str, bytes | str]


def program(machine: int = 62, loader: str | None = "/lib64/ld-linux-x86-64.so.2", *, wide: bool = True) -> bytes:
    """As much of an ELF program as says what it needs (elf(5)): a header, and a PT_INTERP if it has a loader."""
    text = (loader or "").encode() + b"\0"
    header, size = (64, 56) if wide else (52, 32)
    begin = header + size
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    if wide:
        head = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, header, 0, 0, 64, size, 1 if loader else 0, 0, 0, 0)
        interp = struct.pack("<IIQQQQQQ", 3, 4, begin, 0, 0, len(text), len(text), 1)
    else:
        head = struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, 0, header, 0, 0, 52, size, 1 if loader else 0, 0, 0, 0)
        interp = struct.pack("<IIIIIIII", 3, begin, 0, 0, len(text), len(text), 4, 1)
    return ident + head + interp + text


def archive(path: Path, *entries: tarfile.TarInfo | Entry, mode: str = "w:gz") -> Path:
    """Of (name, bytes) files, (name, target) symbolic links, and whatever else is given as it is."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            name, content = entry
            made = tarfile.TarInfo(name)
            if isinstance(content, str):
                made.type, made.linkname = tarfile.SYMTYPE, content
                tar.addfile(made)
            else:
                made.size, made.mode = len(content), 0o6755 if "/bin/" in f"/{name}" else 0o640
                tar.addfile(made, io.BytesIO(content))
    return path


def hard_link(name: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.LNKTYPE, target
    return made


def special(name: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = tarfile.CHRTYPE
    return made


PYTHON: tuple[Entry, ...] = (
    ("python/bin/python3.11", program()),
    ("python/bin/python3", "python3.11"),
    ("python/lib/python3.11/os.py", b"os = 1\n"),
)
Pack = Callable[..., PackedPython]


@pytest.fixture
def packed(tmp_path: Path) -> Pack:
    def do(*entries: tarfile.TarInfo | Entry, mode: str = "w:gz") -> PackedPython:
        (tmp_path / "scratch").mkdir(exist_ok=True)
        return pack(archive(tmp_path / "python.tar", *entries, mode=mode), tmp_path / "scratch")

    return do


def unpacked(made: PackedPython, folder: Path) -> dict[str, str | int]:
    """As BusyBox unpacks it: file -> mode, link -> target."""
    folder.mkdir()
    subprocess.run(["tar", "-xzf", made.path, "-C", folder], check=True)
    paths = [p for p in sorted(folder.rglob("*")) if p.is_symlink() or p.is_file()]
    return {
        str(p.relative_to(folder)): str(p.readlink()) if p.is_symlink() else p.stat().st_mode & 0o7777 for p in paths
    }


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2", "w"])
def test_what_no_session_needs_and_what_no_device_should_get_is_left_out(
    packed: Pack, tmp_path: Path, mode: str
) -> None:
    unused = ["share/man/man1/python.1", "include/Python.h", "lib/libpython3.11.a", "lib/tcl8.6/init.tcl"]
    unused += ["lib/python3.11/test/test_os.py", "lib/python3.11/__pycache__/os.cpython-311.pyc"]
    more = [(f"python/{name}", b"x" * 1000) for name in unused]
    links = [hard_link("python/bin/python", "python/bin/python3.11"), ("python/lib/x.so", "../lib/python3.11/os.py")]
    made = packed(*PYTHON, *more, *links, ("README", b"beside it"), mode=mode)
    assert unpacked(made, tmp_path / "there") == {
        "bin/python": "python3.11",
        "bin/python3": "python3.11",
        "bin/python3.11": 0o755,
        "lib/python3.11/os.py": 0o644,
        "lib/x.so": "../lib/python3.11/os.py",
    }
    assert (made.version, made.size_bytes) == ((3, 11), len(program()) + len(b"os = 1\n"))
    assert made.needs == Needs("x86_64", "/lib64/ld-linux-x86-64.so.2")


def test_a_python_at_the_top_that_is_not_called_python3(packed: Pack, tmp_path: Path) -> None:
    made = packed(("./bin/python3.9", program()), ("./lib/python3.9/os.py", b""))
    assert unpacked(made, tmp_path / "there")["bin/python3"] == "python3.9"
    assert made.version == (3, 9)


@pytest.mark.parametrize(
    ("data", "needs", "libc"),
    [
        (program(183, "/lib/ld-linux-aarch64.so.1"), Needs("aarch64", "/lib/ld-linux-aarch64.so.1"), "glibc"),
        (program(62, "/lib/ld-musl-x86_64.so.1"), Needs("x86_64", "/lib/ld-musl-x86_64.so.1"), "musl"),
        (program(40, "/lib/ld-linux-armhf.so.3", wide=False), Needs("armv7l", "/lib/ld-linux-armhf.so.3"), "glibc"),
        (program(183, "/system/bin/linker64"), Needs("aarch64", "/system/bin/linker64"), "bionic"),
        (program(183, None), Needs("aarch64", None), "unknown"),
        (b"#!/bin/sh\nexec ld.so\n", Needs(None, None), "unknown"),
    ],
)
def test_what_the_program_asks_for(packed: Pack, data: bytes, needs: Needs, libc: str) -> None:
    made = packed(("bin/python3", data), ("lib/python3.12/os.py", b""))
    assert (made.needs, made.needs.libc) == (needs, libc)


def test_the_interpreter_that_runs_this(packed: Pack) -> None:
    real = Path("/proc/self/exe").read_bytes()
    needs = packed(("bin/python3", real), ("lib/python3.12/os.py", b"")).needs
    assert needs.machine == os.uname().machine
    assert needs.loader
    assert Path(needs.loader).exists()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("../evil", b"x"), "would lie outside"),
        (("python/../../evil", b"x"), "would lie outside"),
        (("/etc/evil", b"x"), "would lie outside"),
        (("python/lib/evil", "/etc"), "leaves the Python's folder"),
        (("python/lib/evil", "../../etc"), "leaves the Python's folder"),
        (("python/lib/evil", "python3.11/../../../etc"), "leaves the Python's folder"),
        (("python/lib/evil", ".."), "leaves the Python's folder"),
        (hard_link("python/lib/evil", "/etc/shadow"), "leaves the Python's folder"),
        (special("python/lib/evil"), "no file, folder or link"),
        (("python/bin/python3/evil", b"x"), "would lie outside"),
    ],
)
def test_what_would_leave_its_folder_is_refused(packed: Pack, entry: Entry, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        packed(*PYTHON, entry)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((("python/README", b"x"),), "holds no bin/python3"),
        ((("bin/python3", program()),), r"no lib/python3\.\*/os.py beside it"),
        ((("bin/python3", program()), ("lib/python3.8/os.py", b"")), r"is Python 3\.8, the agent needs 3\.9"),
        ((("bin/python3", b"MZ\x90"), ("lib/python3.9/os.py", b"")), "is no Linux program"),
        ((("bin/python3", program()[:70]), ("lib/python3.9/os.py", b"")), "is a damaged program"),
        ((("bin/python3", "python3.9"), ("lib/python3.9/os.py", b"")), "leads to bin/python3.9, which is not in it"),
    ],
)
def test_what_holds_no_python_is_refused(packed: Pack, entries: tuple[Entry, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        packed(*entries)


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "python.tar.gz"
    with pytest.raises(BadInput, match="cannot read"):
        id_of(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(BadInput, match="no archive that can be read"):
        pack(path, tmp_path)
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(600))
    with pytest.raises(BadInput, match="no archive that can be read") as caught:
        pack(path, tmp_path)
    assert "zstd -d python.tar.gz" in str(caught.value.hint)


def test_half_an_archive(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole.tar.gz", *PYTHON, ("python/lib/noise", os.urandom(100_000)))
    half = tmp_path / "half.tar.gz"
    half.write_bytes(whole.read_bytes()[:50_000])
    with pytest.raises(BadInput, match="no archive that can be read"):
        pack(half, tmp_path)
    assert id_of(half) != id_of(whole) == id_of(whole)
