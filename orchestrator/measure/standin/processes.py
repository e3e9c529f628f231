"""What runs in the namespaces of a stand-in, seen from this machine."""

import contextlib
from pathlib import Path

# include/net/tcp_states.h
_TCP_LISTEN = "0A"


def in_pid_namespace_of(first_pid: int) -> dict[int, str]:
    """All processes of that namespace without ``first_pid``: pid on this machine -> command line."""
    space = _namespace(first_pid)
    if space is None:
        return {}
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = {pid: command_line(pid) for pid in pids if pid != first_pid and _namespace(pid) == space}
    return {pid: line for pid, line in found.items() if line}


def command_line(pid: int) -> str:
    """Its arguments with blanks between them; empty where it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def first_child(pid: int) -> int | None:
    """The first of its children that is alive."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None


def listens(pid: int, port: int) -> bool:
    """Whether a TCP socket listens on ``port`` in the network namespace of ``pid``."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                local, _, state = line.split()[1:4]
                if int(local.rpartition(":")[2], 16) == port and state == _TCP_LISTEN:
                    return True
    return False


def _namespace(pid: int) -> str | None:
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    return None
