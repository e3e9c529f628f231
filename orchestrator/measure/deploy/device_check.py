"""Runs on the device, sent as text to its Python before and beside the agent. Any Python 3, standard library only.

``look ROOT SHA256 [bare]`` prints one JSON object: what this Python is, where the root is, and the state of the agent's
archive; exit code 0 where the agent can run (``bare``: all of it that needs no numpy). ``receive ROOT PATH SHA256``
takes a file from stdin, proves it and gives it its name below the root: it is there whole and on the disk, or not at
all, even when the link is cut.
"""

# os.path, because pathlib would double the time that this takes to start.
# ruff: noqa: PTH103, PTH108, PTH110, PTH111, PTH118, PTH119, PTH120, PTH123, PTH204, PTH208, PTH105

import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import sys
import time

OLDEST = (3, 9)
UNFIT, BROKEN = 10, 11
# F_SETPIPE_SZ, which Python names only since 3.10, and what any user may ask for: fewer turns between server and us.
SET_PIPE_SIZE, LARGEST_PIPE = 1031, 1 << 20
# An upload that has not become anything for this long belongs to a controller that is gone.
STALE_UPLOAD_S = 6 * 3600


def archive_path(root: str, sha256: str) -> str:
    return os.path.join(root, "agent-" + sha256[:16] + ".zip")


def sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def state_of(path: str, sha256: str) -> str:
    if not os.path.exists(path):
        return "absent"
    return "same" if sha256_of(path) == sha256 else "altered"


def make_folders(root: str) -> str:
    """The absolute root with its folder for uploads, old uploads removed."""
    root = os.path.join(os.path.expanduser("~"), os.path.expanduser(root))
    incoming = os.path.join(root, "incoming")
    os.makedirs(incoming, mode=0o700, exist_ok=True)
    for name in os.listdir(incoming):
        path = os.path.join(incoming, name)
        if time.time() - os.path.getmtime(path) > STALE_UPLOAD_S:
            os.unlink(path)
    return root


def own_environment(root: str) -> "dict[str, str]":
    """Of an environment below the root: its name with its id, and its Python by the path that nothing replaces."""
    prefix = os.path.realpath(sys.prefix)
    if os.path.dirname(prefix) != os.path.realpath(os.path.join(root, "environments")):
        return {}
    return {"environment": os.path.basename(prefix), "python": os.path.join(prefix, "bin", "python")}


def own_python(root: str) -> "dict[str, str]":
    """Of a Python that Earshot installed below the root: its program by the path that nothing replaces."""
    prefix = os.path.realpath(sys.prefix)
    if os.path.dirname(prefix) != os.path.realpath(os.path.join(root, "pythons")):
        return {}
    return {"python": os.path.join(prefix, "bin", "python3")}


def look(root: str, sha256: str, need: str = "numpy") -> int:
    found = {
        "python": sys.executable,
        "home": os.path.expanduser("~"),
        "version": list(sys.version_info[:3]),
        "numpy": importlib.util.find_spec("numpy") is not None,
        "environment": "",
    }
    fit = sys.version_info[:2] >= OLDEST and (need == "bare" or bool(found["numpy"]))
    if fit:
        try:
            found["root"] = make_folders(root)
            found.update(own_python(str(found["root"])))
            found.update(own_environment(str(found["root"])))
            found["archive"] = state_of(archive_path(str(found["root"]), sha256), sha256)
        except OSError as error:
            found["error"] = str(error)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if fit else UNFIT


def receive(root: str, path: str, sha256: str) -> int:
    upload = os.path.join(root, "incoming", os.path.basename(path) + "." + str(os.getpid()) + str(time.time()))
    try:
        reason = take_in(upload, os.path.join(root, path), sha256)
    except OSError as error:
        reason = str(error)
    if not reason:
        return 0
    # Before a word is said: where the link is cut, nobody takes it.
    if os.path.exists(upload):
        os.unlink(upload)
    sys.stderr.write(reason + "\n")
    return BROKEN


def take_in(upload: str, target: str, sha256: str) -> str:
    """Why stdin did not become ``target``; empty where it did."""
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    with open(upload, "xb", buffering=0) as file:
        arrived = copy_stdin(file.fileno())
        if arrived != sha256:
            return "what arrived has sha256 " + arrived + ", expected " + sha256
        os.fsync(file.fileno())
    os.replace(upload, target)
    sync_folder(os.path.dirname(target))
    return ""


def copy_stdin(target: int) -> str:
    """All of stdin into a file; its hash is taken on the way, so that the file is not read again."""
    enlarge_pipe(0)
    digest = hashlib.sha256()
    while True:
        data = os.read(0, 1 << 20)
        if not data:
            return digest.hexdigest()
        digest.update(data)
        waiting = memoryview(data)
        while waiting:
            waiting = waiting[os.write(target, waiting) :]


def enlarge_pipe(fd: int) -> None:
    try:
        fcntl.fcntl(fd, SET_PIPE_SIZE, LARGEST_PIPE)
    except OSError:
        return  # Not a pipe, or not so large a one: slower, nothing else.


def sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        # Some file systems cannot sync a folder; they lose nothing by that.
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EACCES):
            raise
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(look(*sys.argv[2:]) if sys.argv[1] == "look" else receive(*sys.argv[2:]))
