"""Room for many connections at once: each takes descriptors of this process, of which it may have so many open."""

import resource

from orchestrator.errors import BadInput

# A connection's socket, a file that goes over it, the SSH agent, and what starts at the same time.
PER_CONNECTION = 4
# Of the process itself: terminal, ledger, logs, pipes.
OTHERS = 128


def make_room(connections: int) -> None:
    """For so many open at a time. The limit is raised as far as this user may raise it.

    Raises BadInput where that is not far enough: better now than in the middle, on whichever device comes then.
    """
    needed = OTHERS + PER_CONNECTION * connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BadInput(
            f"{connections} connections at once need {needed} open files, and this process may have {hard}",
            hint=f"ulimit -Hn {needed} as root, or nofile in /etc/security/limits.conf (LimitNOFILE= of a service); "
            "or fewer at once",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
