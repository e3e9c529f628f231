"""The agent on a device: what it is, how to ask it something, and what its refusals mean."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents import strict_json
from agents.device_facts import DeviceProbe
from orchestrator.errors import CommandFailed, DeviceError
from orchestrator.measure.transports.base import NO_ROOM, Completed, Transport, check, no_room, tail

# Each runtime and each of its providers is asked in a process of its own, which imports it: torch alone takes a slow or
# busy machine half a minute. A runtime that hangs is given up sooner (agents/probe/runtimes.py).
PROBE_TIMEOUT_S = 600.0
# Starts the agent once its archive is proven, a millisecond at each start. Nothing may be imported from the folder
# that we are started in, nor from the archive before that.
_START = """\
import sys
if sys.path[0] == "": del sys.path[0]
import hashlib
archive, sha256 = sys.argv[1:3]
try:
    with open(archive, "rb") as file: found = hashlib.sha256(file.read()).hexdigest()
except OSError as error:
    found = str(error)
if found != sha256:
    sys.stderr.write('{"error": "' + archive + ' was altered on the device: ' + found[:40] + '"}\\n')
    sys.exit(2)
sys.path.insert(0, archive)
sys.argv[:] = [archive] + sys.argv[3:]
from agents.__main__ import main
main()
"""

_ALTERED = "was altered on the device"


def agent_argv(python: str, archive_path: str, archive_sha256: str, root: str, verb: str, *arguments: str) -> list[str]:
    """The command that runs a verb of the agent, unless its archive is not the one that was put there."""
    return [python, "-c", _START, archive_path, archive_sha256, verb, "--root", root, *arguments]


def _verb(argv: Sequence[str]) -> str:
    return argv[argv.index("--root") - 1]


@dataclass(frozen=True)
class DeployedAgent:
    """The agent on a device, ready to be asked. ``root`` is absolute; ``transport`` is the caller's to close.

    ``environment``: name and id of the Python environment, where Earshot made it.
    """

    transport: Transport
    python: str
    root: str
    archive_path: str
    archive_sha256: str
    probe: DeviceProbe
    environment: str | None = None

    @property
    def name(self) -> str:
        """The device's name."""
        return self.transport.name

    def argv(self, verb: str, *arguments: str) -> list[str]:
        return agent_argv(self.python, self.archive_path, self.archive_sha256, self.root, verb, *arguments)


def probe_device(transport: Transport, argv: Sequence[str]) -> DeviceProbe:
    """What ``agent probe`` says. Raises CommandFailed where it says something else."""
    done = transport.exec(argv, timeout_s=PROBE_TIMEOUT_S)
    output = check(done, argv, f"cannot probe {transport.name}")
    try:
        return strict_json.from_json(DeviceProbe, json.loads(output))
    except ValueError as exc:
        raise not_understood(transport.name, argv, done, exc) from exc


def refused(name: str, root: str, argv: Sequence[str], done: Completed) -> DeviceError:
    """The agent's own message where it gave one, else the end of what it wrote."""
    objects = map(json_object, (done.stdout + b"\n" + done.stderr).splitlines())
    said = [f["error"] for f in objects if f is not None and "error" in f]
    message = str(said[-1]) if said else tail(done.stderr) or tail(done.stdout) or "it said nothing"
    if any(text in message for text in NO_ROOM):
        return no_room(name, root)
    return CommandFailed(
        f"the agent on {name} refused {_verb(argv)}: {message}",
        argv=argv,
        exit_code_remote=done.exit_code,
        stderr_tail=tail(done.stderr),
        hint="give the command again: the agent is put there anew" if _ALTERED in message else None,
    )


def not_understood(name: str, argv: Sequence[str], done: Completed, exc: ValueError) -> CommandFailed:
    return CommandFailed(
        f"the agent on {name} answered {_verb(argv)} with something else: {exc}; it wrote: {tail(done.stdout)}",
        argv=argv,
        exit_code_remote=done.exit_code,
        stderr_tail=tail(done.stderr),
        hint="does a login script on the device print something?",
    )


def json_object(line: bytes) -> dict[str, Any] | None:
    """The object on a line; None for a line that is something else."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
