"""One file onto a device, proven there by its hash: in one stream, or in blocks over several channels at once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from orchestrator.measure.deploy import device_blocks, device_check
from orchestrator.measure.transports.base import Completed, OnBytes, PiecesOf, Transport, tail, upload_failed
from orchestrator.measure.transports.lanes import LANES

BLOCK_BYTES = 1 << 19
# Below this, starting what takes the blocks costs more than the second channel brings.
LARGE_BYTES = 4 << 20
_DAMAGED = "what arrived has sha256"


@runtime_checkable
class HasLanes(Protocol):
    """A transport that can send over several channels at once: see ``RemoteTransport``."""

    def prepare(self, commands: int) -> None: ...

    def send_over_lanes(
        self,
        collect: list[str],
        take: list[str],
        pieces_of: PiecesOf,
        *,
        at_once: bool = False,
        on_bytes: OnBytes | None = None,
    ) -> Completed: ...


def prepare(transport: Transport, size_bytes: int) -> None:
    """A file of this size may have to be sent soon."""
    if isinstance(transport, HasLanes) and size_bytes >= LARGE_BYTES:
        # The question what is absent, what collects, and each lane.
        transport.prepare(2 + LANES)


def upload(
    transport: Transport,
    python: str,
    root: str,
    local: Path,
    name: str,
    sha256: str,
    on_bytes: OnBytes | None = None,
    *,
    fresh: bool = False,
) -> None:
    """``local`` to ``name`` below the root. It is there whole and on the disk, or not at all.

    What of a large file has arrived is not sent again after a lost link, also in another process. ``fresh``: the
    device has been asked, and nothing of it is there; that saves asking which blocks are. Raises
    DeviceNotReady when the disk is full, CommandFailed for a file that is not what its hash says.
    """
    if isinstance(transport, HasLanes) and local.stat().st_size >= LARGE_BYTES:
        done = _in_blocks(transport, python, root, local, name, sha256, on_bytes, fresh)
        if _DAMAGED in tail(done.stderr):
            # Blocks of an earlier attempt were lost by the disk, in a power cut for example: all of it once more.
            done = _in_blocks(transport, python, root, local, name, sha256, on_bytes)
    else:
        code = Path(device_check.__file__).read_text(encoding="utf-8")
        done = transport.send([python, "-I", "-S", "-c", code, "receive", root, name, sha256], local, on_bytes=on_bytes)
    if not done.ok:
        argv = (python, "receive", root, name)
        raise upload_failed(transport.name, f"{root}/{name}", tail(done.stderr), argv, done.exit_code)


def _in_blocks(
    transport: HasLanes,
    python: str,
    root: str,
    local: Path,
    name: str,
    sha256: str,
    on_bytes: OnBytes | None,
    fresh: bool = False,
) -> Completed:
    code = Path(device_blocks.__file__).read_text(encoding="utf-8")
    with local.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        place = [root, name, str(size_bytes), str(BLOCK_BYTES)]
        start = [python, "-I", "-S", "-c", code]

        def pieces_of(line: bytes) -> Iterator[tuple[bytes, ...]]:
            """Each block that the device does not have, after its number and its length."""
            is_there = bytes.fromhex(line.decode()) or bytes(-(-size_bytes // BLOCK_BYTES))
            for number in range(len(is_there)):
                if not is_there[number]:
                    data = os.pread(file.fileno(), BLOCK_BYTES, number * BLOCK_BYTES)
                    yield device_blocks.HEADER.pack(number, len(data)), data

        collect, take = [*start, "collect", *place, sha256], [*start, "take", *place]
        return transport.send_over_lanes(collect, take, pieces_of, at_once=fresh, on_bytes=on_bytes)
