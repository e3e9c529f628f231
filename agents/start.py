"""``agent run``: starts a session, or attaches to the one that is there."""

from typing import Any, Callable

from agents import admission, durable, strict_json, wire
from agents.claim import claim, folder_of
from agents.follow import follow
from agents.journal import event_line
from agents.store import BadRequest, Store
from agents.supervise import launch


def start_and_follow(root: str, request: Any, from_byte: int, write: Callable[[bytes], None]) -> int:
    """Start the session of this RunSpec, or attach to it; returns the exit code.

    Raises BadRequest for a spec that is wrong, or differs from the one that this session was started with, Fenced
    where another controller has the device.
    """
    try:
        spec = strict_json.from_json(wire.RunSpec, request)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    store, wake_fd = Store(root), None
    folder = folder_of(store, spec.session_id)
    try:
        with admission.admitted(store, spec):
            lock_fd = claim(store, spec)
    except OSError as error:
        if not durable.is_full_disk(error):
            raise
        result = wire.failed(spec.session_id, "disk-full", f"no room for a session below {store.root}: {error}")
        write(event_line("failed", {"result": strict_json.to_json(result)}))
        return wire.EXIT_SESSION_FAILED
    if lock_fd is not None:
        wake_fd = launch(store, folder, spec, lock_fd)
    code = follow(folder, from_byte, write, wake_fd)
    admission.renew(store, spec.fence)
    return code
