"""Stand-ins of one site, held by a process that runs in the site's network: only from there can they be dialled.

Line in: ``{"kinds": {name: kind}, "folder": ...}``; line out: ``{name: its agent's root, as this machine opens it}``.
They are gone when stdin ends. Not a test: started with the path of this file.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from orchestrator.measure.standin.catalog import make_standin
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.standin import StandIn

# Below the home, where Earshot puts it by default.
ROOT = ".cache/earshot"


def main() -> None:
    order = json.loads(sys.stdin.readline())
    folder = Path(order["folder"])
    with contextlib.ExitStack() as stack:
        made = [
            stack.enter_context(make_standin(kind, folder / name, name=name)) for name, kind in order["kinds"].items()
        ]
        (folder / "lab.toml").write_text(lab_text(standin.device for standin in made))
        sys.stdout.write(json.dumps({standin.name: str(_root(standin)) for standin in made}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _root(standin: StandIn) -> Path:
    """With an empty folder of sessions in it, so that it can be watched from the beginning."""
    user = standin.host.spec.user
    root = standin.host.disk.path(f"{user.folder}/{ROOT}")
    (root / "sessions").mkdir(parents=True)
    for folder in (root / "sessions", root, root.parent):
        os.chown(folder, user.uid, user.uid)
    return root


if __name__ == "__main__":
    main()
