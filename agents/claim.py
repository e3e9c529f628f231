"""A session's folder ``sessions/<id>/``, claimed by one process and held by a lock while the session lives.

The lock is a flock on an open file that the watchdog and the session inherit: the kernel drops it with the last of
them, however they die, and after a reboot. No pid can be mistaken for another one's.
"""

import errno
import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from agents import durable, strict_json
from agents.journal import Journal
from agents.store import BadRequest, Store

if TYPE_CHECKING:
    # Who takes a lease looks for running sessions too, and needs no more of them: half of its time went into this.
    from agents import wire


class SessionFolder:
    """Paths of one session. ``journal`` is there from the first moment that the folder can be seen."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.journal = Journal(path)
        self.spec = os.path.join(path, "spec.json")
        self.lock = os.path.join(path, "lock")
        self.log = os.path.join(path, "session.log")
        self.arrays = os.path.join(path, "arrays.npz")
        self.samples = os.path.join(path, "samples.bin")
        self._end = os.path.join(path, "end")

    @property
    def session_id(self) -> str:
        return os.path.basename(self.path)

    @contextmanager
    def unless_running(self) -> Iterator[bool]:
        """True, with the lock held, where no process of the session is alive."""
        fd = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(fd)

    def fence(self) -> int:
        """Token of the lease under which the session was started."""
        with open(self.spec, encoding="utf-8") as file:
            return int(json.load(file).get("fence", 0))

    def ask_to_end(self, reason: str) -> None:
        """The watchdog ends the session within a second, and tells ``reason``."""
        durable.write_file(self._end, reason.encode())

    def asked_to_end(self) -> Optional[str]:
        """The reason why the session must end now; None where nobody wants that."""
        try:
            with open(self._end, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def progress(self) -> Tuple[Optional[int], Optional[int]]:
        """(chunks done, of how many) as the journal told last."""
        try:
            with open(self.journal.path, "rb") as file:
                lines = [line for line in file if b'"kind": "progress"' in line and line.endswith(b"\n")]
        except FileNotFoundError:
            lines = []
        data = json.loads(lines[-1])["data"] if lines else {}
        return data.get("done"), data.get("total")

    def log_tail(self, limit: int = 500) -> str:
        """The end of what the session wrote to its log, on one line; empty where it wrote nothing."""
        try:
            with open(self.log, "rb") as file:
                text = file.read()[-limit:].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return " | ".join(line.strip() for line in text.splitlines() if line.strip())


def folder_of(store: Store, session_id: str) -> SessionFolder:
    return SessionFolder(os.path.join(store.sessions, session_id))


def claim(store: Store, spec: "wire.RunSpec") -> Optional[int]:
    """Make the session's folder with spec, journal and held lock; returns the lock's file descriptor.

    None where the folder is there already: of two that claim at once, one wins, because the folder is renamed into
    place complete. Raises BadRequest where it holds another spec, OSError where it cannot be written.
    """
    final = folder_of(store, spec.session_id)
    if os.path.isdir(final.path):
        _require_same(final, spec)
        return None
    draft = SessionFolder(os.path.join(store.sessions, f".claim-{spec.session_id}-{os.getpid()}"))
    os.makedirs(draft.path)
    try:
        durable.write_json(draft.spec, strict_json.to_json(spec))
        draft.journal.reserve()
        lock_fd = os.open(draft.lock, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(lock_fd, fcntl.LOCK_EX)
        with open(draft.journal.path, "wb"):
            pass
        os.rename(draft.path, final.path)
    except OSError as error:
        shutil.rmtree(draft.path, ignore_errors=True)
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        _require_same(final, spec)
        return None
    durable.sync_directory(store.sessions)
    return lock_fd


def _require_same(folder: SessionFolder, spec: "wire.RunSpec") -> None:
    with open(folder.spec, encoding="utf-8") as file:
        stored: Dict[str, Any] = json.load(file)
    wanted = json.loads(json.dumps(strict_json.to_json(spec)))
    for either in (stored, wanted):
        either.pop("fence", None)  # Of the lease, not of the session.
        either.pop("origin", None)  # Says how the controller found the device then.
    if stored != wanted:
        different = sorted(k for k in set(stored) | set(wanted) if stored.get(k) != wanted.get(k))
        raise BadRequest(
            f"session {spec.session_id} is on this device with another spec ({', '.join(different)} differ): "
            "use another session_id"
        )


def clean_sessions(store: Store) -> List[str]:
    """Delete the folders of sessions that do not run, and end what their runtimes left running; returns them."""
    from agents import leftovers

    removed = []
    for name in sorted(os.listdir(store.sessions)) if os.path.isdir(store.sessions) else []:
        folder = folder_of(store, name)
        with folder.unless_running() as idle:
            if idle:
                leftovers.end_orphans(folder.lock)
                shutil.rmtree(folder.path)
                removed.append(f"sessions/{name}")
    return removed


def running(store: Store) -> List[SessionFolder]:
    """Folders of the sessions of which a process is alive."""
    names = sorted(os.listdir(store.sessions)) if os.path.isdir(store.sessions) else []
    alive = []
    for folder in [folder_of(store, name) for name in names if not name.startswith(".")]:
        with folder.unless_running() as idle:
            if not idle:
                alive.append(folder)
    return alive
