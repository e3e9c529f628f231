"""A Python of its own for a device that has none: below the agent's root, through ``sh`` and ``tar`` alone.

pythons/<id>/           unpacked, proven, then renamed to this; ``bin/python3`` is the one to start
pythons/current         -> <id>: what is found before the device's own
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput, CommandFailed, DeviceNotReady
from orchestrator.measure.native.binary import fits
from orchestrator.measure.native.files import send_file
from orchestrator.measure.provision import device_python
from orchestrator.measure.provision.program_header import Needs
from orchestrator.measure.provision.python_archive import PackedPython
from orchestrator.measure.transports.base import NO_ROOM, Completed, Transport, check, no_room, tail

# Thousands of small files onto an SD card.
UNPACK_TIMEOUT_S = 1800.0
_NO_TAR, _BUSY = 66, 75
# An empty archive: GNU's tar calls gzip, which may be missing, and a vendor's BusyBox may be built without it.
_EMPTY_TAR_GZ = "".join(f"\\{byte:03o}" for byte in gzip.compress(bytes(1024), mtime=0))
# What is there, as far as a shell can say it. A folder that is not there yet will be on its parent's disk.
_LOOK = f"""
case $1 in /*) root=$1;; "~/"*) root=$HOME/${{1#"~/"}};; *) root=$HOME/$1;; esac
echo "folder=$root/pythons"
echo "machine=$(uname -m)"
for file in /lib/ld-musl-*; do [ -e "$file" ] && echo musl=yes; done
command -v tar >/dev/null 2>&1 && echo tar=yes
printf '{_EMPTY_TAR_GZ}' | tar -tzf - >/dev/null 2>&1 && echo gzip=yes
python=$root/pythons/$2/bin/python3
[ -x "$python" ] && "$python" -c pass </dev/null >/dev/null 2>&1 && echo there=yes
[ "$(readlink "$root/pythons/current" 2>/dev/null)" = "$2" ] && echo current=yes
disk=$root
while [ ! -d "$disk" ] && [ -n "$disk" ]; do disk=${{disk%/*}}; done
set -- $(df -Pk "${{disk:-/}}" 2>/dev/null | tail -n 1)
echo "free_kib=$4"
"""
_HAS = '[ -e "$1" ]'
# One at a time where the device can lock; what an earlier one left is removed, and so is what this one leaves.
_UNPACK = f"""
folder=$1 id=$2 packed=$3 code=$4 flags=$5 part=.$2.part
cd "$folder" || exit 1
command -v tar >/dev/null 2>&1 || exit {_NO_TAR}
if command -v flock >/dev/null 2>&1; then exec 9>.lock; flock -n 9 || exit {_BUSY}; fi
rm -rf .*.part
trap 'rm -rf "$part" "$packed"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$part" && tar "$flags" "$packed" -C "$part" || exit 1
rm -f "$packed"
"./$part/bin/python3" -I -B -c "$code" "$folder" "$id" "$part" </dev/null
"""


@dataclass(frozen=True)
class DeviceLook:
    """``folder``: absolute, where Pythons go. ``there``: this one is, and starts; ``current``: and is the one used.

    ``gzip``: its tar takes .tar.gz.
    """

    folder: str
    machine: str
    musl: bool
    tar: bool
    gzip: bool
    there: bool
    current: bool
    free_bytes: int | None


@dataclass(frozen=True)
class PythonInstalled:
    """``python``: its path there; ``bytes_sent`` is 0 where it was there."""

    id: str
    python: str
    version: str
    bytes_sent: int


def look(transport: Transport, root: str, python_id: str) -> DeviceLook:
    done = transport.exec(["sh", "-c", _LOOK, "sh", root, python_id])
    text = check(done, ["sh"], f"cannot look into {root} on {transport.name}").decode("utf-8", "replace")
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if not said.get("machine") or not said.get("folder"):
        raise DeviceNotReady(f"{transport.name} does not say what it is: {text[:200]!r}", hint="is it Linux?")
    free = said.get("free_kib", "")
    there, current = "there" in said, "current" in said
    return DeviceLook(
        said["folder"], said["machine"], "musl" in said, "tar" in said, "gzip" in said, there, there and current,
        int(free) * 1024 if free.isdigit() else None,
    )  # fmt: skip


def require_fit(transport: Transport, there: DeviceLook, packed: PackedPython) -> None:
    """Before a byte is sent. Raises BadInput for another processor's or C library's, DeviceNotReady for no room."""
    name, needs = transport.name, packed.needs
    if needs.machine is not None and not fits(needs.machine, there.machine):
        raise BadInput(
            f"this Python is for {needs.machine}, {name} is {there.machine}", hint=f"take the one for {there.machine}"
        )
    if needs.loader and not transport.exec(["sh", "-c", _HAS, "sh", needs.loader]).ok:
        raise _other_libc(name, there, needs)
    if not there.tar:
        raise DeviceNotReady(f"no tar on {name}", hint="install tar or BusyBox there: nothing else unpacks an archive")
    needed_bytes = packed.path.stat().st_size + packed.size_bytes
    if there.free_bytes is not None and there.free_bytes < needed_bytes:
        raise DeviceNotReady(
            f"no room on {name}: {needed_bytes / 1e6:.0f} MB are needed in {there.folder}, "
            f"{there.free_bytes / 1e6:.0f} MB are free",
            hint="free some space there, or set root in lab.toml to a folder on a larger disk",
        )


def _other_libc(name: str, there: DeviceLook, needs: Needs) -> BadInput:
    has = " (it has musl)" if there.musl and needs.libc != "musl" else ""
    other = "-musl" if there.musl else "-gnu"
    return BadInput(
        f"this Python is for {needs.libc}, whose loader {needs.loader} is not on {name}{has}",
        hint=f"take a build for the C library that is there, of python-build-standalone one with {other} in its name",
    )


def install_python(transport: Transport, there: DeviceLook, python_id: str, packed: PackedPython) -> PythonInstalled:
    """Pushed, unpacked beside the others, proven there, and used from then on; until then nothing has changed.

    Raises BadInput, DeviceNotReady with the device's reason, Unreachable.
    """
    require_fit(transport, there, packed)
    argv = ["mkdir", "-p", there.folder]
    done = transport.exec(argv)
    if not done.ok:
        raise _refused(transport.name, there, done)
    zipped = packed.path.suffix == ".gz"
    remote = f"{there.folder}/{python_id}.tar{'.gz' if zipped else ''}"
    sent = send_file(transport, packed.path, remote)
    argv = ["sh", "-c", _UNPACK, "sh", there.folder, python_id, remote, _code(), "-xzf" if zipped else "-xf"]
    done = transport.exec(argv, timeout_s=UNPACK_TIMEOUT_S)
    bytes_sent = packed.path.stat().st_size if sent.pushed else 0
    return _installed(transport.name, there, python_id, done, bytes_sent)


def use_python(transport: Transport, there: DeviceLook, python_id: str) -> PythonInstalled:
    """Of one that is there already: proven again, and used from then on. Raises DeviceNotReady."""
    argv = [f"{there.folder}/{python_id}/bin/python3", "-I", "-B", "-c", _code(), there.folder, python_id, ""]
    return _installed(transport.name, there, python_id, transport.exec(argv), 0)


def _code() -> str:
    return Path(device_python.__file__).read_text(encoding="utf-8")


def _installed(name: str, there: DeviceLook, python_id: str, done: Completed, bytes_sent: int) -> PythonInstalled:
    if not done.ok:
        raise _refused(name, there, done)
    try:
        version = str(json.loads(done.stdout.splitlines()[-1])["version"])
    except (ValueError, LookupError, TypeError) as exc:
        raise CommandFailed(
            f"the Python on {name} answered with something else: {tail(done.stdout)}",
            argv=["python3"],
            exit_code_remote=done.exit_code,
            stderr_tail=tail(done.stderr),
        ) from exc
    return PythonInstalled(python_id, f"{there.folder}/{python_id}/bin/python3", version, bytes_sent)


def _refused(name: str, there: DeviceLook, done: Completed) -> DeviceNotReady:
    reason = tail(done.stderr) or f"exit code {done.exit_code}"
    if done.exit_code == _BUSY:
        return DeviceNotReady(f"another setup is at work on {name}", hint="wait until it has ended")
    if any(text in reason for text in NO_ROOM):
        return no_room(name, there.folder)
    return DeviceNotReady(
        f"the Python could not be installed on {name}: {_why(reason)}",
        hint="what was there before is still there, and still used",
    )


def _why(reason: str) -> str:
    """tar says first what it was, and Python last."""
    lines = reason.splitlines()
    return lines[0] if "tar:" in lines[0] else lines[-1]
