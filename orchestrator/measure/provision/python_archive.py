"""A relocatable Python in an archive: read, checked, and packed again as what a small device's ``tar`` can unpack."""

import gzip
import hashlib
import posixpath
import re
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from orchestrator.errors import BadInput
from orchestrator.measure.deploy.device_check import OLDEST
from orchestrator.measure.provision.program_header import Needs, needs_of

# Raised when the same archive would be laid out in another way.
_FORMAT = 1
_ZSTD = b"\x28\xb5\x2f\xfd"
_PROGRAM = re.compile(r"(?P<prefix>(?:[^/]+/)*)bin/python3(?:\.\d+)?")
_LIBRARY = re.compile(r"lib/python3\.(?P<minor>\d+)/os\.py")
# What no session needs, and is most of the bytes of many a build: tests, headers, static libraries, Tk, manuals.
_UNUSED = re.compile(
    r"(share|include)/.*|lib/(tcl|tk|itcl|thread)\d.*|lib/pkgconfig/.*|.*\.a|.*/__pycache__/.*|"
    r"lib/python3\.\d+/(test|idlelib|tkinter|turtledemo|ensurepip|config-[^/]*)/.*"
)
_HINT = (
    "give a relocatable Python such as an install_only archive of python-build-standalone; see docs/how-to/provision.md"
)
Member = tuple[str, tarfile.TarInfo]


@dataclass(frozen=True)
class PackedPython:
    """``path``: a .tar.gz or .tar with ``bin/python3`` at its top. ``version``: (3, minor).

    ``size_bytes``: of all its files.
    """

    path: Path
    version: tuple[int, int]
    size_bytes: int
    needs: Needs


def id_of(archive: Path) -> str:
    """16 hex digits: the same archive is the same Python. Raises BadInput."""
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as exc:
        raise BadInput(f"cannot read {archive}: {exc.strerror or exc}", hint=_HINT) from exc
    digest.update(f"format {_FORMAT}".encode())
    return digest.hexdigest()[:16]


def pack(archive: Path, scratch: Path, *, compressed: bool = True) -> PackedPython:
    """The Python of ``archive`` (.tar, .tar.gz, .tar.xz, .tar.bz2), packed again in ``scratch``, as a plain
    .tar unless ``compressed``.

    Only plain files, folders and links within it are taken. Raises BadInput for an archive that is none, holds no
    Python >= 3.9, or a member or a link that would lie outside of its folder.
    """
    try:
        with tarfile.open(archive) as source:
            members = _members(archive, source)
            prefix = _prefix(archive, members)
            kept = [(n.removeprefix(prefix), m) for n, m in members if n.startswith(prefix)]
            kept = [(n, m) for n, m in kept if not _UNUSED.fullmatch(n)]
            version = _version(archive, [name for name, _ in kept])
            needs = needs_of(_program(source, dict(kept), scratch))
            path = scratch / ("python.tar.gz" if compressed else "python.tar")
            size_bytes = _write(path, source, kept)
            return PackedPython(path, version, size_bytes, needs)
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise BadInput(f"{archive} is no archive that can be read: {exc}", hint=_how_to_read(archive)) from exc


def _how_to_read(archive: Path) -> str:
    try:
        with archive.open("rb") as file:
            zstd = file.read(4) == _ZSTD
    except OSError:
        zstd = False
    return f"it is packed with zstd: unpack that first, with zstd -d {archive.name}" if zstd else _HINT


def _members(archive: Path, source: tarfile.TarFile) -> list[Member]:
    """Each by its plain name, those that lie elsewhere refused: none may leave, nor go through a link."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in source.getmembers():
        name = posixpath.normpath(member.name)
        if member.name.startswith("/") or ".." in member.name.split("/"):
            raise _outside(archive, member.name)
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            raise BadInput(f"{archive} holds {member.name!r}, which is no file, folder or link", hint=_HINT)
        found[name] = member
    links = {name for name, member in found.items() if member.issym()}
    for name in found:
        if any(folder in links for folder in _folders_of(name)):
            raise _outside(archive, name)
    return [(name, member) for name, member in found.items() if name != "."]


def _folders_of(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name


def _outside(archive: Path, name: str) -> BadInput:
    return BadInput(f"{archive} holds {name!r}, which would lie outside of its folder", hint="it is not to be trusted")


def _prefix(archive: Path, members: list[Member]) -> str:
    """The folder in the archive that becomes the Python's own, such as ``python/``."""
    programs = [found["prefix"] for name, _ in members if (found := _PROGRAM.fullmatch(name))]
    if not programs:
        raise BadInput(f"{archive} holds no bin/python3", hint=_HINT)
    return min(programs, key=len)


def _version(archive: Path, names: list[str]) -> tuple[int, int]:
    minors = [int(found["minor"]) for name in names if (found := _LIBRARY.fullmatch(name))]
    if not minors:
        raise BadInput(f"{archive} has a program, but no lib/python3.*/os.py beside it", hint=_HINT)
    if (3, max(minors)) < OLDEST:
        raise BadInput(
            f"{archive} is Python 3.{max(minors)}, the agent needs {'.'.join(map(str, OLDEST))}",
            hint="take a newer one",
        )
    return 3, max(minors)


def _program(source: tarfile.TarFile, kept: dict[str, tarfile.TarInfo], scratch: Path) -> Path:
    """The very file behind ``bin/python3``."""
    name = next(name for name in ("bin/python3", *sorted(kept)) if name in kept and _PROGRAM.fullmatch(name))
    for _ in range(8):
        member = kept.get(name)
        if member is None or not (member.issym() or member.islnk()):
            break
        name = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    file = source.extractfile(member) if member is not None else None
    if file is None:
        raise BadInput(f"bin/python3 of the archive leads to {name}, which is not in it", hint=_HINT)
    path = scratch / "python3"
    with file:
        path.write_bytes(file.read())
    return path


def _write(path: Path, source: tarfile.TarFile, kept: list[Member]) -> int:
    """The bytes of all files. GNU's format: what BusyBox's tar takes, long names included."""
    with (
        path.open("wb") as raw,
        _zipped(raw, path) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as target,
    ):
        return _add(target, source, kept)


def _zipped(raw: IO[bytes], path: Path) -> AbstractContextManager[IO[bytes]]:
    if path.suffix != ".gz":
        return nullcontext(raw)
    return cast(IO[bytes], gzip.GzipFile("", "wb", 6, raw, mtime=0))


def _add(target: tarfile.TarFile, source: tarfile.TarFile, kept: list[Member]) -> int:
    originals = {member.name: name for name, member in kept}
    size_bytes = 0
    for name, member in kept:
        made = _plain(name, member, originals)
        size_bytes += made.size
        target.addfile(made, source.extractfile(member) if made.isreg() else None)
    names = set(originals.values())
    if "bin/python3" not in names:
        target.addfile(_link("bin/python3", min(n for n in names if _PROGRAM.fullmatch(n)).removeprefix("bin/")))
    return size_bytes


def _plain(name: str, member: tarfile.TarInfo, originals: dict[str, str]) -> tarfile.TarInfo:
    """Nobody's in particular, without special bits; a hard link is a symbolic one, as not every device has them."""
    if member.issym():
        return _link(name, _inside(name, member.linkname))
    if member.islnk():
        meant = originals.get(member.linkname)
        if meant is None:
            raise BadInput(f"{name!r} is a link to {member.linkname!r}, which leaves the Python's folder", hint=_HINT)
        return _link(name, posixpath.relpath(meant, posixpath.dirname(name) or "."))
    made = tarfile.TarInfo(name)
    made.type = tarfile.DIRTYPE if member.isdir() else tarfile.REGTYPE
    made.size, made.mtime = member.size, member.mtime
    made.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
    return made


def _inside(name: str, target: str) -> str:
    """``..`` only leads the way: after a folder that is a link itself, it would lead anywhere."""
    rest = re.fullmatch(r"(?:\.\./)*(.*)", target)
    up = target.count("../")
    if target.startswith("/") or rest is None or ".." in rest[1].split("/") or up > name.count("/"):
        raise BadInput(f"{name!r} is a link to {target!r}, which leaves the Python's folder", hint=_HINT)
    return target


def _link(name: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = tarfile.SYMTYPE, target, 0o777
    return made
