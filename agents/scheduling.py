"""On which CPUs and with which priority a session runs: what was asked of the kernel, and what it gave (sched(7)).

Asked for before numpy and the runtime are imported, because a thread inherits both from the one that starts it; seen
after the stream, over every thread that there is then, because a runtime may set them anew.
"""

import os
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Set, Tuple

from agents import sysfs, wire
from agents.cpu_list import cpu_list

# What Android gives to threads that play audio (android.os.Process.THREAD_PRIORITY_URGENT_AUDIO).
_NICE = -19
# Above all that is not realtime, and below the kernel's own threads for interrupts (50; kernel/irq/manage.c).
_FIFO = 1
_POLICIES = {"SCHED_FIFO": "fifo", "SCHED_RR": "round-robin", "SCHED_BATCH": "batch", "SCHED_IDLE": "idle"}
_LEVELS = {wire.NICE: f"nice {_NICE}", wire.FIFO: f"fifo {_FIFO}"}
CPUS, PRIORITY = "cpus", "priority"


def arrange(affinity: Tuple[int, ...], priority: str) -> Dict[str, str]:
    """Ask for both, for this thread and those that it will start; what was refused, with the reason."""
    refused = {CPUS: _pin(affinity), PRIORITY: _raise(priority)}
    return {name: reason for name, reason in refused.items() if reason is not None}


def _pin(cpus: Tuple[int, ...]) -> Optional[str]:
    if not cpus:
        return None
    if not hasattr(os, "sched_setaffinity"):
        return "this Python cannot set CPU affinity"
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return f"CPUs {cpu_list(cpus)}: {error.strerror}; it may use {cpu_list(os.sched_getaffinity(0))}{_cpuset()}"
    return None


def _cpuset() -> str:
    """The cpuset that decides; Android puts what is not on the screen into one of the small cores."""
    name = sysfs.read_text("/", "proc/self/cpuset")
    return f", its cpuset is {name}" if name and name != "/" else ""


def _raise(priority: str) -> Optional[str]:
    try:
        if priority == wire.NICE:
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
            _raise_group()
        elif priority == wire.FIFO:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_FIFO))
    except (OSError, AttributeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"{priority}: {why} (root may, or who has CAP_SYS_NICE or a limit in /etc/security/limits.conf)"
    return None


def _raise_group() -> None:
    """With autogroups a nice value counts only within a login's processes, and the watchdog's session is a group of its
    own (sched(7), The autogroup feature): it is raised too, and ends with the session.
    """
    if sysfs.read_int("/", "proc/sys/kernel/sched_autogroup_enabled") == 1 and os.path.exists("/proc/self/autogroup"):
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(_NICE))


def seen(affinity: Tuple[int, ...], priority: str, refused: Dict[str, str]) -> wire.Scheduling:
    """What this process and all of its threads have now, beside what was asked for and ``refused``."""
    threads = _threads()
    allowed: Set[int] = set()
    levels: Set[str] = set()
    for thread in threads:
        try:
            allowed |= os.sched_getaffinity(thread)
            levels.add(_level(thread))
        except (OSError, AttributeError):
            continue  # It has ended meanwhile, or this Python cannot tell.
    reasons = dict(refused)
    wanted = _LEVELS.get(priority)
    if wanted and levels != {wanted} and PRIORITY not in reasons:
        reasons[PRIORITY] = f"{wanted} was asked for, its threads have {' and '.join(sorted(levels)) or 'no answer'}"
    if affinity and allowed != set(affinity) and CPUS not in reasons:
        reasons[CPUS] = f"CPUs {cpu_list(affinity)} were asked for, the kernel gave {cpu_list(allowed) or 'no answer'}"
    return wire.Scheduling(affinity, tuple(sorted(allowed)), priority, "+".join(sorted(levels)), len(threads), reasons)


def together(every: Sequence[wire.Scheduling]) -> wire.Scheduling:
    """Of several processes, which were asked for the same: what any of their threads has."""
    refused = {name: reason for each in every for name, reason in each.refused.items()}
    used = {cpu for each in every for cpu in each.cpus_used}
    levels = {level for each in every for level in each.priority_used.split("+")}
    return replace(
        every[0],
        cpus_used=tuple(sorted(used)),
        priority_used="+".join(sorted(levels)),
        threads=sum(each.threads for each in every),
        refused=refused,
    )


def _threads() -> List[int]:
    """Ids of this process's threads; the main one alone where /proc hides the others."""
    try:
        return [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:
        return [os.getpid()]


def _level(thread: int) -> str:
    """``nice -19``, ``fifo 1``."""
    policy = os.sched_getscheduler(thread)
    for name, word in _POLICIES.items():
        if policy == getattr(os, name, None):
            return f"{word} {os.sched_getparam(thread).sched_priority}".removesuffix(" 0")
    return f"nice {os.getpriority(os.PRIO_PROCESS, thread)}"
