"""``earshot`` as a user types it, and what is looked at around a lab."""

import ipaddress
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EARSHOT = [sys.executable, "-m", "orchestrator.cli"]
# What an ordinary user may do, with root's right to read this Python. SETFCAP is what the kernel asks of uid 0, and of
# no other, that makes a user namespace (Linux 5.12).
WITHOUT_ROOT = ["setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"]
Earshot = Callable[..., "subprocess.CompletedProcess[str]"]


def done(answer: "subprocess.CompletedProcess[str]") -> str:
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def status(earshot: Earshot) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(done(earshot("lab", "status", "--json")))}


def holder_pid(folder: Path) -> int:
    return int(json.loads((folder / "earshot-lab/lab.json").read_text())["pid"])


def descendants(pid: int) -> set[int]:
    """All processes that came from ``pid``; those of the devices among them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        todo += children.get(current := todo.pop(), [])
        found.add(current)
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    return int(fields[1]) if (fields := _stat(pid)) else None


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if (fields := _stat(pid)) and fields[0] != "Z"}


def all_gone(pids: set[int]) -> bool:
    give_up_s = time.monotonic() + 20
    while alive(pids) and time.monotonic() < give_up_s:
        time.sleep(0.05)
    return not alive(pids)


def interfaces() -> set[int]:
    """The numbers of this machine's ends of links; none is given out twice."""
    return {number for number, name in socket.if_nameindex() if name.startswith("earshot")}


def own_interfaces(earshot: Earshot) -> set[int]:
    """Those of the lab that is up; other tests have theirs at the same time."""
    devices = [ipaddress.IPv4Address(row["address"]) for row in status(earshot).values()]
    # The other address of a /30.
    ours = {str(address - 1) for address in devices}
    found = json.loads(subprocess.run(["ip", "-json", "-4", "address"], capture_output=True, check=True).stdout)
    return {entry["ifindex"] for entry in found if any(a.get("local") in ours for a in entry["addr_info"])}
