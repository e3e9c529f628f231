"""The agent and its files onto a device: by content hash, only what is absent, proven there, renamed into place."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import wire
from orchestrator.measure.deploy import device_check
from orchestrator.measure.deploy.agent import DeployedAgent, agent_argv, probe_device
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.find_python import ask_pythons, below_home, pythons_of
from orchestrator.measure.deploy.not_ready import cannot_write, no_environment, no_python, require_runtime
from orchestrator.measure.deploy.patience import LINK_PATIENCE_S, through_lost_links
from orchestrator.measure.deploy.upload import prepare, upload
from orchestrator.measure.transports.base import OnBytes, Transport, check

DEFAULT_ROOT = ".cache/earshot"
DEFAULT_ENVIRONMENT = "default"
# Says which of the files are not there in the right size, and which of these have come in part; a shell, because a
# Python takes 50 ms to start here, and ten times as long on a small board. They are named as arguments: stdin would
# have to wait for the window that sshd opens with the command, a round trip.
_ABSENT = (
    'cd "$1" || exit 1; shift; while [ $# -gt 0 ]; do size=$1; name=$2; shift 2; '
    'if ! [ -f "$name" ] || ! [ $(wc -c <"$name") -eq "$size" ]; then '
    'if [ -e "incoming/${name##*/}.blocks" ]; then echo "part $name"; else echo "none $name"; fi; fi; done'
)
# A name is 80 bytes long, and a line for a shell must stay below what small servers take (dropbear: 9,000).
_NAMES_A_LINE = 50

_GOES_ON = "give the same command again: of a large file, what has arrived is not sent again"

# (bytes sent so far, bytes to send)
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class PushReport:
    """File names below ``blobs/``: those that were sent, and those that were there."""

    pushed: tuple[str, ...]
    skipped: tuple[str, ...]
    bytes_sent: int
    duration_s: float


def deploy(
    transport: Transport,
    archive: AgentArchive,
    root: str | None = None,
    *,
    python: str | None = None,
    environment: str | None = None,
    prefer_default: bool = True,
) -> DeployedAgent:
    """Find a Python on the device, put the archive there unless the same bytes are there, and probe.

    ``root``: relative to the home there. ``environment``: the only one to try of those that ``earshot devices setup``
    made; where None, ``default`` if it is there (and ``prefer_default``), else ``python``, or any where that is None
    too. Raises DeviceNotReady where there is no Python >= 3.9, no numpy, no runtime, no room, or no place to write;
    Unreachable for a lost link.
    """
    root = root or DEFAULT_ROOT
    if environment is not None:
        pythons: tuple[str, ...] = (environment_python(root, environment),)
    else:
        default = (environment_python(root, DEFAULT_ENVIRONMENT),) if prefer_default else ()
        pythons = (*default, *pythons_of(transport, python, root))
    found = _find_python(transport, archive, root, pythons, environment)
    # A Python that was named may be a wrapper that sets what its libraries need: its own sys.executable would leave
    # that out.
    named = None if found["environment"] else _named(python, str(found["home"]))
    agent = _agent(transport, archive, named or str(found["python"]), found)
    require_runtime(transport.name, agent.python, agent.probe)
    return agent


def _named(python: str | None, home: str) -> str | None:
    """The Python of the lab file; ``~/`` is the home on the device, as in a shell there."""
    return home + python[1:] if python and python.startswith("~/") else python


def deploy_bare(
    transport: Transport, archive: AgentArchive, root: str | None = None, *, python: str | None = None
) -> DeployedAgent:
    """The agent on a Python that may have no packages at all: enough to probe, and to make environments.

    Raises DeviceNotReady where there is no Python >= 3.9, no room, or no place to write.
    """
    root = root or DEFAULT_ROOT
    found = _find_python(transport, archive, root, pythons_of(transport, python, root), None, need="bare")
    executable = _named(python, str(found["home"])) or str(found["python"])
    return _agent(transport, archive, executable, found)


def _agent(transport: Transport, archive: AgentArchive, executable: str, found: dict[str, Any]) -> DeployedAgent:
    """Its archive put there unless the same bytes are there, and probed."""
    root = str(found["root"])
    if found["archive"] != "same":
        _push_archive(transport, archive, executable, root)
    path = device_check.archive_path(root, archive.sha256)
    probe = probe_device(transport, agent_argv(executable, path, archive.sha256, root, "probe", "--quick"))
    environment = str(found["environment"]) or None
    return DeployedAgent(transport, executable, root, path, archive.sha256, probe, environment)


def environment_python(root: str, name: str) -> str:
    """The Python of an environment that ``earshot devices setup`` made below ``root``."""
    return f"{below_home(root)}/environments/{name}/bin/python"


def _find_python(
    transport: Transport,
    archive: AgentArchive,
    root: str,
    pythons: Sequence[str],
    environment: str | None,
    need: str = "numpy",
) -> dict[str, Any]:
    """What ``device_check.look`` says of the first Python that is fit."""
    content, found = ask_pythons(transport, pythons, _check_code(), ["look", root, archive.sha256, need])
    if not content and environment is not None:
        raise no_environment(transport.name, environment)
    if not content:
        tried = [p for p in pythons if "/environments/" not in p and "/pythons/current/" not in p]
        raise no_python(transport.name, tried, found)
    if "error" in found[-1]:
        raise cannot_write(transport.name, root, str(found[-1]["error"]))
    return found[-1]


def _check_code() -> str:
    return Path(device_check.__file__).read_text(encoding="utf-8")


def _push_archive(transport: Transport, archive: AgentArchive, python: str, root: str) -> None:
    name = Path(device_check.archive_path(root, archive.sha256)).name
    upload(transport, python, root, archive.path, name, archive.sha256)


def push_blobs(
    agent: DeployedAgent,
    files: Iterable[tuple[Path, wire.Blob]],
    on_progress: OnProgress | None = None,
    link_patience_s: float = LINK_PATIENCE_S,
) -> PushReport:
    """Send the files that the device does not have. Each is proven there by size and hash before it gets its name.

    Raises DeviceNotReady when the disk is full, CommandFailed for a file that is not what its blob says, Unreachable
    where the link stays lost for ``link_patience_s``.
    """
    begin_s = time.monotonic()
    wanted = {blob.file_name: (path, blob) for path, blob in files}
    prepare(agent.transport, max((blob.size_bytes for _, blob in wanted.values()), default=0))
    there = _share_there(agent, [blob for _, blob in wanted.values()])
    absent = [blob for _, blob in wanted.values() if blob.file_name in there]
    total_bytes = sum(blob.size_bytes for blob in absent)
    sent_bytes = 0

    def on_bytes(count: int) -> None:
        nonlocal sent_bytes
        sent_bytes += count
        if on_progress:
            # What a lost link took with it is sent twice.
            on_progress(min(sent_bytes, total_bytes), total_bytes)

    for blob in absent:
        path, fresh = wanted[blob.file_name][0], there[blob.file_name] == "none"
        _send(agent, path, blob, fresh, on_bytes, link_patience_s)
    pushed = tuple(blob.file_name for blob in absent)
    skipped = tuple(name for name in wanted if name not in pushed)
    return PushReport(pushed, skipped, sent_bytes, time.monotonic() - begin_s)


def _send(
    agent: DeployedAgent, path: Path, blob: wire.Blob, fresh: bool, on_bytes: OnBytes, link_patience_s: float
) -> None:
    """Through lost links; ``fresh``: nothing of it is on the device yet."""

    def send() -> None:
        nonlocal fresh
        as_found, fresh = fresh, False
        name = f"blobs/{blob.file_name}"
        upload(agent.transport, agent.python, agent.root, path, name, blob.sha256, on_bytes, fresh=as_found)

    through_lost_links(agent.transport, send, goes_on=_GOES_ON, patience_s=link_patience_s)


def absent_blobs(agent: DeployedAgent, blobs: Sequence[wire.Blob]) -> list[wire.Blob]:
    there = _share_there(agent, blobs)
    return [blob for blob in blobs if blob.file_name in there]


def _share_there(agent: DeployedAgent, blobs: Sequence[wire.Blob]) -> dict[str, str]:
    """``none`` or ``part``, for each file name that is not there whole."""
    output = b""
    for at in range(0, len(blobs), _NAMES_A_LINE):
        words = [w for b in blobs[at : at + _NAMES_A_LINE] for w in (str(b.size_bytes), f"blobs/{b.file_name}")]
        argv = ["sh", "-c", _ABSENT, "sh", agent.root, *words]
        output += check(agent.transport.exec(argv), argv, f"cannot look into {agent.root}")
    shares = (line.split(maxsplit=1) for line in output.decode().splitlines())
    return {name.removeprefix("blobs/"): share for share, name in shares}
