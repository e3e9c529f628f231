"""A site: a room with devices of its own and a cable to the database; workers that run there."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.measure.standin.held import HeldProcess
from tests.farm.hub import Cable, Hub

REPOSITORY = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S = 300.0
# A worker ends with the thread that started it (prctl(2), PR_SET_PDEATHSIG): this one ends with this process, however.
_STARTER = ThreadPoolExecutor(1, "starter")
_WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Site:
    """``kinds`` of its stand-ins by name. ``roots``: the agent's folder on each of them."""

    def __init__(self, name: str, hub: Hub, number: int, kinds: Mapping[str, str], folder: Path) -> None:
        self.name, self.folder, self.kinds = name, folder, dict(kinds)
        folder.mkdir(parents=True)
        self.cable = Cable(hub, number)
        self.roots: dict[str, Path] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        argv = [sys.executable, "-I", str(Path(__file__).with_name("stand_ins.py"))]
        self._stand_ins = HeldProcess(self.cable.site.argv(argv), what=f"the stand-ins of {name}")

    @property
    def lab(self) -> Path:
        return self.folder / "lab.toml"

    def switch_on(self) -> None:
        """Returns once all of its devices can be reached, and ``lab`` tells how."""
        order = json.dumps({"kinds": self.kinds, "folder": str(self.folder)})
        answer = json.loads(self._stand_ins.ask(order, timeout_s=_START_TIMEOUT_S))
        self.roots = {name: Path(root) for name, root in answer.items()}

    def start(self, *words: str, log: str) -> "subprocess.Popen[bytes]":
        """``earshot`` with these words, on a host of this site. What it says lies in the file ``log`` of the site."""
        argv = [*_WITH_US, *self.cable.site.argv([sys.executable, "-m", "orchestrator.cli", *words])]
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "PYTHONPATH": str(REPOSITORY),
            # The devices' journals are what is checked in the end.
            "EARSHOT_KEEP_SESSIONS": "1",
        }
        with (self.folder / log).open("ab") as said:
            process = _STARTER.submit(
                subprocess.Popen,
                argv,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            ).result()
        self._processes.append(process)
        return process

    def said(self, log: str) -> str:
        return (self.folder / log).read_text(errors="replace")

    def secrets(self) -> set[str]:
        """What its lab file says of how to reach its devices: addresses, users' keys, and where they lie."""
        devices = tomllib.loads(self.lab.read_text())["devices"].values()
        words = {device[name] for device in devices for name in ("host", "identity_file", "known_hosts")}
        keys = {Path(device["identity_file"]) for device in devices}
        return words | {key.read_text().splitlines()[1] for key in keys}

    def close(self) -> None:
        for process in self._processes:
            end_all(process)
        self._stand_ins.close()
        self.cable.close()


def end_all(process: "subprocess.Popen[bytes]") -> None:
    """Of what it started too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
