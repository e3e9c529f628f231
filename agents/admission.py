"""May this session start now? Only under the device's newest token, and only once no older token's session runs."""

import os
import shutil
import time
from contextlib import contextmanager
from typing import Iterator, Optional

from agents import durable, wire
from agents.claim import SessionFolder, folder_of, running
from agents.failure import Fenced
from agents.fence import Fence, FenceFile
from agents.store import Store

# The watchdog looks every quarter of a second, and a killed session is gone at once.
END_TIMEOUT_S = 30.0
_POLL_S = 0.02


@contextmanager
def admitted(store: Store, spec: wire.RunSpec) -> Iterator[None]:
    """Holds the device's fence while the block claims the session. Raises Fenced where it may not be started.

    A session that is there already, running or ended, is only looked at: that takes no lease.
    """
    with FenceFile(store).locked() as file:
        fence, folder = file.read(), folder_of(store, spec.session_id)
        newest = fence.token if fence else 0
        if spec.fence >= newest:
            _forget_if_ended_for_another(folder, spec)
        if not os.path.isdir(folder.path):
            if spec.fence < newest:
                raise Fenced(_refusal(spec, fence))
            _end_older(store, spec)
        _heard(file, fence, spec.fence)
        yield


def renew(store: Store, token: int) -> None:
    """A watched session has ended: its controller was there until now."""
    with FenceFile(store).locked() as file:
        _heard(file, file.read(), token)


def _heard(file: FenceFile, fence: Optional[Fence], token: int) -> None:
    if fence is None or fence.token != token or fence.released:
        return
    try:
        file.write(file.renewed(fence))
    except OSError as error:
        if not durable.is_full_disk(error):
            raise  # A full disk is told by the session itself.


def _refusal(spec: wire.RunSpec, fence: Optional[Fence]) -> str:
    assert fence is not None
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(fence.since_utc_s))
    return (
        f"session {spec.session_id} was not started: its lease (token {spec.fence}) is over, {fence.holder} took this "
        f"device with token {fence.token} at {since} UTC for: {fence.purpose or 'no purpose given'}"
    )


def _end_older(store: Store, spec: wire.RunSpec) -> None:
    older = [folder for folder in running(store) if folder.fence() < spec.fence]
    for folder in older:
        folder.ask_to_end(
            f"this device was given to another controller (token {spec.fence} after {folder.fence()}), "
            f"whose session {spec.session_id} is to start"
        )
    give_up_s = time.monotonic() + END_TIMEOUT_S
    while older and time.monotonic() < give_up_s:
        time.sleep(_POLL_S)
        older = [folder for folder in running(store) if folder.fence() < spec.fence]
    if older:
        raise Fenced(
            f"session {spec.session_id} was not started: session {older[0].session_id} of an older lease runs on "
            f"this device and did not end within {END_TIMEOUT_S:g} s"
        )


def _forget_if_ended_for_another(folder: SessionFolder, spec: wire.RunSpec) -> None:
    """A session that had to make room was not measured: under a new lease it starts anew."""
    last = folder.journal.last_event() if os.path.isdir(folder.path) else None
    if last is None or last["data"]["result"]["failure"] != "fenced" or folder.fence() >= spec.fence:
        return
    with folder.unless_running() as ended:
        if ended:
            # Out of sight in one step: a folder that is half deleted would be one without its spec.
            gone = os.path.join(os.path.dirname(folder.path), f".gone-{folder.session_id}-{os.getpid()}")
            os.rename(folder.path, gone)
            shutil.rmtree(gone)
