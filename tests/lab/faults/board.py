"""A stand-in board with sshd on a cable of its own, and what may be left on it."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agents import wire
from orchestrator.measure.deploy import run
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.clean import clean
from orchestrator.measure.deploy.push import deploy, push_blobs
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.network import Link, Quality
from orchestrator.measure.standin.rootfs import PI, controller_python, gnu_userland
from orchestrator.measure.standin.sshd import Keys, make_keys, sshd
from orchestrator.measure.transports.ssh import SshTransport
from orchestrator.measure.transports.ssh_config import SshTarget
from tests.orchestrator.measure.sessions import CHUNK, Files, echo_spec

CHUNKS = 120
HOME = PI.folder
# Below the home, where Earshot puts it by default.
ROOT = f"{HOME}/.cache/earshot"
PATIENCE_S = 90.0


@dataclass
class Board:
    """``host`` with its ``link``, and how to log in there."""

    host: Host
    link: Link
    keys: Keys
    known_hosts: Path
    archive: AgentArchive

    @property
    def target(self) -> SshTarget:
        return SshTarget(
            host=self.host.spec.name,
            address=self.link.device_address,
            port=22,
            user=PI.name,
            identity_files=(self.keys.user_key,),
            known_hosts=(self.known_hosts,),
            identities_only=True,
        )

    def connect(self) -> SshTransport:
        return SshTransport(self.host.spec.name, self.target)

    @contextlib.contextmanager
    def agent(self, files: Files = (), python: str = sys.executable) -> Iterator[DeployedAgent]:  # type: ignore[assignment]
        """Deployed over a connection of its own, with ``files`` pushed."""
        with self.connect() as transport:
            agent = deploy(transport, self.archive, python=python)
            if files:
                push_blobs(agent, files)
            yield agent

    def path(self, path: str) -> Path:
        """A path of the device, as this process can open it."""
        return self.host.disk.path(path)

    def lab_text(self, **more: Any) -> str:
        """A lab file with the board in it."""
        settings = {
            "transport": "ssh",
            "host": self.link.device_address,
            "user": PI.name,
            "identity_file": str(self.keys.user_key),
            "known_hosts": str(self.known_hosts),
            "python": sys.executable,
            **more,
        }
        lines = [f'{key} = "{value}"' for key, value in settings.items()]
        return f"[devices.{self.host.spec.name}]\n" + "\n".join(lines) + "\n"

    def running(self) -> dict[int, str]:
        """What runs there beside sshd."""
        return {pid: line for pid, line in self.host.processes().items() if not line.startswith(("sshd:", "/usr/sbin"))}

    def assert_nothing_left(self) -> None:
        """No process but sshd, and after `clean` no file but the cache: the agent, blobs, and who has the device."""
        until(lambda: not self.running(), lambda: f"still running: {self.running()}")
        with self.agent() as agent:
            clean(agent)
        left = sorted(str(p.relative_to(self.path(ROOT))) for p in self.path(ROOT).rglob("*") if p.is_file())
        cache = [name for name in left if name.startswith(("agent-", "blobs/", "fence.", "probe-"))]
        assert left == cache
        until(lambda: not self.running(), lambda: f"still running: {self.running()}")


@contextlib.contextmanager
def board(folder: Path, archive: AgentArchive, *, quality: Quality | None = None, **spec: Any) -> Iterator[Board]:
    """A board called pi5; ``spec``: further fields of its HostSpec."""
    keys = make_keys(folder / "keys")
    daemon_root, daemon = sshd(PI, keys)
    root = gnu_userland() + controller_python() + daemon_root
    with Link(quality) as link, Host(HostSpec("pi5", root, {"sshd": daemon}, **spec), link, folder / "host") as host:
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(keys.known_hosts_line(link.device_address))
        yield Board(host, link, keys, known_hosts, archive)


def until(true: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it did not come") -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s, otherwise()
        time.sleep(0.02)


@dataclass
class Seen:
    """Events as they came, and an action, beside the session, at the first one of a kind."""

    kind: str = ""
    action: Callable[[], object] = lambda: None
    events: list[wire.Event] = field(default_factory=list)
    acting: threading.Thread | None = None

    def __call__(self, event: wire.Event) -> None:
        self.events.append(event)
        if event.kind == self.kind:
            self.kind = ""
            self.acting = threading.Thread(target=self.action)
            self.acting.start()

    @property
    def kinds(self) -> list[str]:
        """Without the progress, of which there may be any number."""
        return [e.kind for e in self.events if e.kind != "progress"]

    def assert_whole(self, result: wire.RunResult, arrays: run.Arrays) -> None:
        """Every event once and in order, every chunk at its intended time."""
        if self.acting:
            self.acting.join()
        assert (result.outcome, result.chunk_count) == ("ok", CHUNKS), result.reason
        assert self.kinds == ["accepted", "loaded", "finished"]
        times = [e.t_ns for e in self.events]
        assert times == sorted(set(times)), "an event came twice or out of order"
        assert (np.diff(arrays["t_ns"][:, wire.ARRIVAL]) == CHUNK * 1_000_000_000 // 16000).all()


def spec_of(files: Files, session_id: str, **changes: Any) -> wire.RunSpec:
    """A paced echo session that ``Seen.assert_whole`` knows."""
    return echo_spec(files, session_id, **{"chunk_count": CHUNKS, **changes})
