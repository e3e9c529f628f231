"""Runs on the device, sent as text to its Python before the agent is there. Any Python 3, standard library only.

``look ROOT SHA256`` prints one JSON object: what this Python is, where the root is, and the state of the archive.
``admit ROOT SHA256 UPLOAD`` proves the uploaded archive and gives it its name. Exit code 0: fit for the agent.
"""

# os.path, because pathlib would double the time that this takes to start.
# ruff: noqa: PTH103, PTH108, PTH110, PTH111, PTH118, PTH123, PTH204, PTH208, PTH105

import hashlib
import importlib.util
import json
import os
import sys
import time

OLDEST = (3, 9)
UNFIT, BROKEN = 10, 11
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


def look(root: str, sha256: str) -> int:
    found = {
        "python": sys.executable,
        "version": list(sys.version_info[:3]),
        "numpy": importlib.util.find_spec("numpy") is not None,
    }
    fit = sys.version_info[:2] >= OLDEST and bool(found["numpy"])
    if fit:
        try:
            found["root"] = make_folders(root)
            found["archive"] = state_of(archive_path(str(found["root"]), sha256), sha256)
        except OSError as error:
            found["error"] = str(error)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if fit else UNFIT


def admit(root: str, sha256: str, upload: str) -> int:
    arrived = sha256_of(upload)
    if arrived != sha256:
        os.unlink(upload)
        sys.stderr.write("the uploaded agent has sha256 " + arrived + ", expected " + sha256 + "\n")
        return BROKEN
    with open(upload, "rb") as file:
        os.fsync(file.fileno())
    os.replace(upload, archive_path(root, sha256))
    return 0


if __name__ == "__main__":
    sys.exit(look(*sys.argv[2:]) if sys.argv[1] == "look" else admit(*sys.argv[2:]))
