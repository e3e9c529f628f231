"""Pythons below the agent's root, which the controller laid there for a device that has none that is fit.

pythons/current     -> <id>: the one that is used
pythons/<id>/       unpacked and proven; appears whole or not at all
"""

import os
import shutil
from typing import List

from agents.environments import only_one
from agents.environments.clean import in_use

FOLDER = "pythons"
CURRENT, LOCK = "current", ".lock"


def clean_pythons(root: str, *, current: bool) -> List[str]:
    """Delete Pythons that were replaced, what was left half-unpacked, and with ``current`` the one that is used.

    What a running process uses stays, but for this very process. Returns the names of what was deleted. Raises
    Refused while a setup is at work.
    """
    folder = os.path.join(os.path.abspath(os.path.expanduser(root)), FOLDER)
    if not os.path.isdir(folder):
        return []
    with only_one(folder):
        link = os.path.join(folder, CURRENT)
        used = os.path.basename(os.path.realpath(link)) if os.path.islink(link) and not current else ""
        gone = [name for name in sorted(os.listdir(folder)) if name not in (CURRENT, LOCK, used)]
        gone = [name for name in gone if _remove(os.path.join(folder, name))]
        if os.path.islink(link) and not os.path.exists(link):
            os.unlink(link)
    return [f"{FOLDER}/{name}" for name in gone]


def _remove(path: str) -> bool:
    if not os.path.isdir(path):
        os.unlink(path)
    elif in_use(path):
        return False
    else:
        shutil.rmtree(path)
    return True
