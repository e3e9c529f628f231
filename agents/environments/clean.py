"""Removes environments that nothing needs any more."""

import os
import shutil
from typing import Collection, List, Optional

from agents.environments import FOLDER, folder_of, only_one, remove_parts


def clean_environments(root: str, keep: Optional[Collection[str]]) -> List[str]:
    """Delete what setups left half-made, what no name means any more, and names that are not in ``keep``.

    ``keep`` None: every name is kept. What a running process uses stays. Returns the names of what was deleted.
    """
    folder = folder_of(root)
    if not os.path.isdir(folder):
        return []
    with only_one(folder):
        return [f"{FOLDER}/{name}" for name in remove_parts(folder) + _remove_old(folder, keep)]


def _remove_old(folder: str, keep: Optional[Collection[str]]) -> List[str]:
    paths = {name: os.path.join(folder, name) for name in sorted(os.listdir(folder))}
    links = {name: os.readlink(path) for name, path in paths.items() if os.path.islink(path)}
    gone = [name for name in links if keep is not None and name not in keep]
    for name in gone:
        os.unlink(paths[name])
    meant = {target for name, target in links.items() if name not in gone}
    for name, path in paths.items():
        if name not in links and name not in meant and os.path.isdir(path) and not in_use(path):
            shutil.rmtree(path)
            gone.append(name)
    return gone


def in_use(path: str) -> bool:
    """A process but this one has something of it mapped: a session that goes on."""
    for pid in os.listdir("/proc"):
        try:
            if pid.isdigit() and int(pid) != os.getpid():
                with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
                    if path + os.sep in maps.read():
                        return True
        except OSError:
            continue
    return False
