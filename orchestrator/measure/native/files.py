"""Files onto a device that has only ``sh``: by content hash, checked there, renamed into place."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.errors import CommandFailed, DeviceNotReady, Unreachable
from orchestrator.measure.transports.base import Transport, check

# The file's hash by whatever this userland has; 127: it has none, 66: there is no such file.
_HASH = """
[ -f "$1" ] || exit 66
if command -v sha256sum >/dev/null 2>&1; then exec sha256sum < "$1"; fi
for box in toybox busybox; do
  if $box sha256sum </dev/null >/dev/null 2>&1; then exec $box sha256sum < "$1"; fi
done
exit 127
"""
_ABSENT, _NO_TOOL = 66, 127
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Sent:
    """``remote``: path below the account's home, or absolute; ``pushed``: False where these very bytes were there."""

    remote: str
    sha256: str
    pushed: bool


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place_of(folder: str, local: Path) -> str:
    """Where a file belongs: ``folder/<first 16 digits of its hash>/<name>``."""
    return f"{folder}/{sha256_of(local)[:16]}/{plain_name(local.name)}"


def send_file(transport: Transport, local: Path, remote: str, *, program: bool = False) -> Sent:
    """``local`` to ``remote`` unless it is there. Raises DeviceNotReady where what arrived is not what was sent."""
    sha256 = sha256_of(local)
    target = PurePosixPath(remote)
    if remote_sha256(transport, str(target)) == sha256:
        return Sent(str(target), sha256, False)
    part = f"{target}.part"
    check(transport.exec(["mkdir", "-p", str(target.parent)]), ["mkdir"], f"cannot make {target.parent}")
    try:
        transport.push(local, part)
        arrived = remote_sha256(transport, part)
        if arrived != sha256:
            raise DeviceNotReady(
                f"{local.name} arrived on {transport.name} with sha256 {arrived}, expected {sha256}",
                hint="send it again; if it fails again, its disk is not to be trusted",
            )
        if program:
            check(transport.exec(["chmod", "755", part]), ["chmod"], f"cannot make {target} a program")
        check(transport.exec(["mv", "-f", part, str(target)]), ["mv"], f"cannot rename {part}")
    except Unreachable:
        raise  # The part stays; the next attempt writes over it.
    except BaseException:
        transport.exec(["rm", "-f", part])
        raise
    return Sent(str(target), sha256, True)


def remote_sha256(transport: Transport, path: str) -> str | None:
    """None where there is no such file. Where the device has nothing that hashes, the file is brought back."""
    done = transport.exec(["sh", "-c", _HASH, "sh", path], timeout_s=_TIMEOUT_S)
    if done.exit_code == _ABSENT:
        return None
    if done.exit_code == _NO_TOOL:
        return _hash_of_copy(transport, path)
    words = check(done, ["sh"], f"cannot hash {path} on {transport.name}").decode("ascii", "replace").split()
    if not words or not re.fullmatch(r"[0-9a-f]{64}", words[0]):
        raise CommandFailed(
            f"cannot hash {path} on {transport.name}: {' '.join(words) or 'no answer'}",
            argv=["sh"],
            exit_code_remote=done.exit_code,
            stderr_tail="",
        )
    return words[0]


def _hash_of_copy(transport: Transport, path: str) -> str:
    with tempfile.TemporaryDirectory(prefix="earshot-hash-") as scratch:
        copy = Path(scratch) / "copy"
        transport.pull(path, copy)
        return sha256_of(copy)


def plain_name(name: str) -> str:
    """A library is found by its name, so it is kept as far as every file system takes it."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name)[:100].lstrip("-") or "file"
