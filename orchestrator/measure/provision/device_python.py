"""Runs on the device, sent as text to a Python that was just unpacked: proves it, then gives it its name.

``FOLDER ID PART``: ``FOLDER/PART`` becomes ``FOLDER/ID``, and ``FOLDER/current`` leads there; with PART empty, ID is
there. Prints one JSON object. A Python that cannot be used says why with exit code 1, and nothing has changed.
"""

# ruff: noqa: PTH104, PTH105, PTH108, PTH118, PTH211

import importlib
import json
import os
import shutil
import sys

OLDEST = (3, 9)
# What the agent, numpy and the runtimes import, as far as a build of Python may lack it.
MODULES = (
    *("ctypes", "fcntl", "hashlib", "math", "mmap", "random", "select", "signal", "socket", "struct", "subprocess"),
    *("sysconfig", "threading", "wave", "zipfile", "zlib", "datetime", "pickle"),
)


def problem() -> str:
    """Why this Python cannot run the agent; empty where it can."""
    if sys.version_info[:2] < OLDEST:
        return "it is Python " + sys.version.split()[0]
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            return "its module " + name + " cannot be imported: " + str(error)
    return ""


def settle(folder: str, name: str, part: str) -> None:
    """By renames, so that ``current`` leads to a whole Python at any time."""
    target = os.path.join(folder, name)
    if part:
        os.sync()
        old = os.path.join(folder, "." + name + ".old.part")
        if os.path.lexists(target):
            os.rename(target, old)
        os.rename(os.path.join(folder, part), target)
        shutil.rmtree(old, ignore_errors=True)
    draft = os.path.join(folder, ".current.part")
    if os.path.lexists(draft):
        os.unlink(draft)
    os.symlink(name, draft)
    os.replace(draft, os.path.join(folder, "current"))
    os.sync()


def main() -> None:
    reason = problem()
    if reason:
        sys.exit(reason)
    settle(*sys.argv[1:4])
    sys.stdout.write(json.dumps({"version": ".".join(map(str, sys.version_info[:3]))}) + "\n")


if __name__ == "__main__":
    main()
