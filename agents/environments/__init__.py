"""Python environments below the agent's root, made here from wheels that the controller laid into ``blobs/``.

No network, no pip, no venv module: Debian splits venv off, and a small board has none of them.

    environments/<name>              -> <name>-<id>: what the name means now; replaced by one rename
    environments/<name>-<id>/        an environment; it appears whole or not at all
        pyvenv.cfg, bin/python       what makes it one to Python (PEP 405); bin/python is the one to start
        lib/pythonX.Y/site-packages  the unpacked wheels
        environment.json             what it was made of
"""

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List

FOLDER = "environments"
ABOUT = "environment.json"
PART = ".part"
_LOCK = ".lock"


class Refused(ValueError):
    """Why an environment cannot be made; those that are there are untouched."""


def folder_of(root: str) -> str:
    """Absolute: a link that is followed from elsewhere must find it."""
    return os.path.join(os.path.abspath(os.path.expanduser(root)), FOLDER)


def list_environments(root: str) -> Dict[str, Any]:
    """name -> what ``environment.json`` says of the environment that the name means now.

    ``starts``: its Python is still there. An environment of which a part was removed is not listed: it is made again.
    """
    folder = folder_of(root)
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if os.path.islink(path) and not name.startswith("."):
            try:
                with open(os.path.join(path, ABOUT), encoding="utf-8") as file:
                    found[name] = {**json.load(file), "starts": os.path.exists(os.path.join(path, "bin", "python"))}
            except (OSError, ValueError):
                continue
    return found


@contextmanager
def only_one(folder: str) -> Iterator[None]:
    """A lock that the kernel drops with this process, however it ends. Raises Refused where another has it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    fd = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refused("another setup is at work on this device: wait until it has ended") from None
    finally:
        os.close(fd)


def remove_parts(folder: str) -> List[str]:
    """What setups that were interrupted left behind. Call with the lock held: nobody makes one now."""
    left = [name for name in sorted(os.listdir(folder)) if name.endswith(PART)]
    for name in left:
        path = os.path.join(folder, name)
        if os.path.islink(path):
            os.unlink(path)
        else:
            shutil.rmtree(path)
    return left
