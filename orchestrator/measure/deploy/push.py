"""The agent and its files onto a device: by content hash, only what is absent, proven there, renamed into place."""

import secrets
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import strict_json, wire
from orchestrator.errors import DeviceError, Unreachable
from orchestrator.measure.deploy import device_check
from orchestrator.measure.deploy.agent import DeployedAgent, json_object, probe_device
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.not_ready import cannot_write, no_python, require_runtime
from orchestrator.measure.transports.base import OnBytes, Transport, check

DEFAULT_ROOT = ".cache/earshot"
PYTHONS = ("python3", *(f"python3.{minor}" for minor in range(14, 8, -1)))
# Proving a file reads it once: 20 MB/s is a slow SD card.
ADMIT_BYTES_PER_S, ADMIT_LEAST_S = 20e6, 60.0

# Tries each Python in turn until one is fit; each says in one line of JSON what it is.
_FIND = (
    'code=$1 root=$2 sha256=$3; shift 3; for p in "$@"; do command -v "$p" >/dev/null 2>&1 && '
    '"$p" -c "$code" look "$root" "$sha256" </dev/null && exit 0; done; exit 10'
)

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
    transport: Transport, archive: AgentArchive, root: str | None = None, *, python: str | None = None
) -> DeployedAgent:
    """Find a Python on the device, put the archive there unless the same bytes are there, and probe.

    ``root``: relative to the home there. ``python``: the only one to try. Raises DeviceNotReady where there is no
    Python >= 3.9, no numpy, no runtime, no room, or no place to write; Unreachable for a lost link.
    """
    found = _find_python(transport, archive, root or DEFAULT_ROOT, _candidates(transport, python))
    executable, remote_root = str(found["python"]), str(found["root"])
    if found["archive"] != "same":
        _push_archive(transport, archive, executable, remote_root)
    remote_path = device_check.archive_path(remote_root, archive.sha256)
    probe = probe_device(transport, [executable, remote_path, "probe", "--root", remote_root])
    require_runtime(transport.name, executable, probe)
    return DeployedAgent(transport, executable, remote_root, remote_path, archive.sha256, probe)


def _candidates(transport: Transport, python: str | None) -> Sequence[str]:
    if python:
        return (python,)
    # On this machine the runtimes are most likely where Earshot itself is.
    return (sys.executable, *PYTHONS) if transport.kind == "local" else PYTHONS


def _find_python(transport: Transport, archive: AgentArchive, root: str, pythons: Sequence[str]) -> dict[str, Any]:
    """What ``device_check.look`` says of the first Python that is fit."""
    argv = ["sh", "-c", _FIND, "sh", _check_code(), root, archive.sha256, *pythons]
    done = transport.exec(argv)
    found = [said for said in map(json_object, done.stdout.splitlines()) if said is not None]
    if not done.ok or not found:
        raise no_python(transport.name, pythons, found)
    if "error" in found[-1]:
        raise cannot_write(transport.name, root, str(found[-1]["error"]))
    return found[-1]


def _check_code() -> str:
    return Path(device_check.__file__).read_text(encoding="utf-8")


def _push_archive(transport: Transport, archive: AgentArchive, python: str, root: str) -> None:
    upload = f"{root}/incoming/{archive.path.name}.{secrets.token_hex(4)}"
    _upload(transport, archive.path, upload)
    done = transport.exec([python, "-c", _check_code(), "admit", root, archive.sha256, upload])
    check(done, [python, "device_check", "admit"], f"the agent did not arrive on {transport.name}")


def _upload(transport: Transport, local: Path, remote: str, on_bytes: OnBytes | None = None) -> None:
    """Push, and leave no piece behind where the push fails and the link still holds."""
    try:
        transport.push(local, remote, on_bytes=on_bytes)
    except Unreachable:
        raise
    except DeviceError:
        transport.exec(["rm", "-f", "--", remote])
        raise


def push_blobs(
    agent: DeployedAgent, files: Iterable[tuple[Path, wire.Blob]], on_progress: OnProgress | None = None
) -> PushReport:
    """Send the files that the device does not have. Each is proven there by size and hash before it gets its name.

    Raises DeviceNotReady when the disk is full, CommandFailed for a file that is not what its blob says.
    """
    begin_s = time.monotonic()
    wanted = {blob.file_name: (path, blob) for path, blob in files}
    absent = _absent(agent, [blob for _, blob in wanted.values()])
    total_bytes = sum(blob.size_bytes for blob in absent)
    sent_bytes = 0

    def on_bytes(count: int) -> None:
        nonlocal sent_bytes
        sent_bytes += count
        if on_progress:
            on_progress(sent_bytes, total_bytes)

    for blob in absent:
        name = f"{blob.sha256}.{secrets.token_hex(4)}"
        _upload(agent.transport, wanted[blob.file_name][0], f"{agent.root}/incoming/{name}", on_bytes)
        # One by one: what was admitted stays, whatever becomes of the rest.
        upload = {"incoming": name, "blob": strict_json.to_json(blob)}
        agent.ask("admit", [upload], timeout_s=ADMIT_LEAST_S + blob.size_bytes / ADMIT_BYTES_PER_S)
    pushed = tuple(blob.file_name for blob in absent)
    skipped = tuple(name for name in wanted if name not in pushed)
    return PushReport(pushed, skipped, sent_bytes, time.monotonic() - begin_s)


def _absent(agent: DeployedAgent, blobs: list[wire.Blob]) -> list[wire.Blob]:
    answer = agent.ask("have", [strict_json.to_json(blob) for blob in blobs])
    return [strict_json.from_json(wire.Blob, item) for item in answer]
