"""``earshot lab`` as a user types it: up, what it tells, what it breaks and heals, down with nothing left."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import require_program
from tests.lab.fixtures import ROOTS

EARSHOT = [sys.executable, "-m", "orchestrator.cli"]
# What an ordinary user may do, with root's right to read this Python. SETFCAP is what the kernel asks of uid 0, and of
# no other, that makes a user namespace (Linux 5.12).
WITHOUT_ROOT = ["setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"]
Earshot = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def earshot(tmp_path: Path) -> Iterator[Earshot]:
    """Runs the command in a folder of its own; a lab that is still up there afterwards is taken down."""
    for name in ("ip", "tc", "sshd", "unshare", "nsenter", "setpriv", "dropbear", "busybox"):
        require_program(name)
    cache = tmp_path / "cache/earshot"
    cache.mkdir(parents=True)
    ROOTS.mkdir(exist_ok=True)
    (cache / "stand-ins").symlink_to(ROOTS)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*words: str, before: list[str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*(before or []), *EARSHOT, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )

    yield run
    if (tmp_path / "earshot-lab/lab.json").exists():
        run("lab", "down")


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


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if name.startswith("earshot")}


def test_a_lab_from_up_to_down(earshot: Earshot, tmp_path: Path) -> None:
    others = interfaces()
    said = done(earshot("lab", "up", "--detach", "--only", "pi5,orin-nano", "--mbit", "500"))
    assert "earshot run kws --devices all --lab earshot-lab/lab.toml" in said
    pids = descendants(holder_pid(tmp_path))
    assert len(pids) > 8
    assert {name: row["rate_mbit"] for name, row in status(earshot).items()} == {"pi5": 500, "orin-nano": 500}

    for name, profile in (("pi5", "raspberry-pi-5"), ("orin-nano", "jetson-orin-nano")):
        shown = done(earshot("devices", "probe", name, "--lab", "earshot-lab/lab.toml"))
        assert f"profile       {profile}" in shown
        assert "stand-in" in shown

    done(earshot("lab", "cut", "pi5"))
    assert status(earshot)["pi5"]["state"] == "cut"
    done(earshot("lab", "restore", "pi5"))
    done(earshot("lab", "link", "pi5", "--delay-ms", "3"))
    row = status(earshot)["pi5"]
    assert (row["state"], row["rate_mbit"], row["delay_ms"]) == ("up", None, 3)
    done(earshot("lab", "sensor", "pi5", "throttled", "0x50000"))
    done(earshot("lab", "power", "orin-nano", "off"))
    assert status(earshot)["orin-nano"]["state"] == "off"
    done(earshot("lab", "reboot", "orin-nano"))
    state = json.loads(done(earshot("devices", "probe", "pi5", "--json", "--lab", "earshot-lab/lab.toml")))
    assert state["probe"]["state"]["throttled"] is True

    done(earshot("lab", "down"))
    assert all_gone(pids)
    assert interfaces() <= others
    assert {path.name for path in (tmp_path / "earshot-lab").iterdir()} == {"lab.lock", "lab.log"}


def test_a_lab_of_an_ordinary_user_has_a_network_of_its_own(earshot: Earshot, tmp_path: Path) -> None:
    before = interfaces()
    said = done(earshot("lab", "up", "--detach", "--only", "pi5,orin-nano", "--delay-ms", "2", before=WITHOUT_ROOT))
    assert re.search(r"earshot lab exec -- \S*earshot run kws", said)
    assert interfaces() == before
    pids = descendants(holder_pid(tmp_path))
    inside = [*EARSHOT, "devices", "probe", "pi5", "--lab", "earshot-lab/lab.toml"]
    assert "raspberry-pi-5" in done(earshot("lab", "exec", "--", *inside, before=WITHOUT_ROOT))
    assert status(earshot)["orin-nano"]["state"] == "up"
    done(earshot("lab", "down", before=WITHOUT_ROOT))
    assert all_gone(pids)


def test_ctrl_c_takes_all_of_it_down(earshot: Earshot, tmp_path: Path) -> None:
    argv = [*EARSHOT, "lab", "up", "--only", "pi5"]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        assert up.stdout
        assert any("Ctrl-C" in line for line in up.stdout)
        pids = descendants(up.pid)
        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=60)
    assert up.returncode == 0
    assert "the lab is down" in said
    assert all_gone(pids)


def test_what_a_killed_lab_leaves_is_cleaned_by_down(earshot: Earshot, tmp_path: Path) -> None:
    done(earshot("lab", "up", "--detach", "--only", "pi5"))
    pids = descendants(holder_pid(tmp_path))
    os.kill(holder_pid(tmp_path), signal.SIGKILL)
    assert all_gone(pids)
    refused = earshot("lab", "status")
    assert refused.returncode == 5
    assert "no lab is up" in refused.stderr
    done(earshot("lab", "down"))
    assert not (tmp_path / "earshot-lab/pi5").exists()


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["up", "--only", "pi5,pi6"], 2, "no kind of stand-in is called 'pi6'"),
        (["up", "--mbit", "-1"], 2, "rate_mbit must be in"),
        (["down"], 5, "no lab is up"),
        (["cut", "pi5"], 5, "no lab is up"),
        (["exec", "--", "true"], 5, "no lab is up"),
        (["sensor", "pi5", "temperature_c", "50"], 5, "no lab is up"),
    ],
)
def test_what_cannot_be_is_refused(earshot: Earshot, words: list[str], exit_code: int, said: str) -> None:
    answer = earshot("lab", *words)
    assert answer.returncode == exit_code
    assert said in answer.stderr
    assert "next:" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_running_lab_refuses_what_it_does_not_have(earshot: Earshot) -> None:
    done(earshot("lab", "up", "--detach", "--only", "pi4"))
    for words, said in (
        (["up", "--detach"], "a lab is up"),
        (["cut", "pi5"], "no stand-in 'pi5' runs here"),
        (["sensor", "pi4", "core_current_a", "1"], "no sensor 'core_current_a'"),
        (["sensor", "pi4", "temperature_c", "hot"], "temperature_c of pi4"),
        (["exec", "--", "no-such-program"], "cannot run no-such-program"),
    ):
        answer = earshot("lab", *words)
        assert answer.returncode != 0
        assert said in answer.stderr
        assert "Traceback" not in answer.stderr
