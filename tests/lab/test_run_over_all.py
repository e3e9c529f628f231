"""One command over every stand-in: two behind OpenSSH, one behind dropbear, two behind adbd, and the emulated board."""

import json
import os
from pathlib import Path

from tests.lab.command import Earshot, all_gone, descendants, done, holder_pid, interfaces, own_interfaces

# `make lab-six`: the emulated board takes its wheels from PyPI and a minute.
EMULATED = os.environ.get("EARSHOT_EMULATED") == "1"
LAB = ("--lab", "earshot-lab/lab.toml")
NATIVE = ("pi5", "pi4", "orin-nano", "pixel-8", "galaxy-a15")


def test_all_of_them_in_one_command(earshot: Earshot, tmp_path: Path) -> None:
    names = (*NATIVE, "aarch64") if EMULATED else NATIVE
    said = done(earshot("lab", "up", "--detach", "--only", ",".join(names)))
    assert "not here" not in said
    pids, links = descendants(holder_pid(tmp_path)), own_interfaces(earshot)
    assert len(links) == len(names)
    if EMULATED:
        done(earshot("devices", "setup", "aarch64", *LAB))
    words = ["run", "kws", "--once", "--devices", "all", "--mode", "flat-out", "--seconds", "2", "--json", *LAB]
    runs = json.loads(done(earshot(*words)))
    assert {run["device"]: run["error"] for run in runs} == dict.fromkeys(names)
    rtfs = [figure["value"] for run in runs for figure in run["figures"] if figure["name"] == "RTF"]
    assert len(rtfs) == len(names)
    assert all(rtf > 0 for rtf in rtfs)
    done(earshot("lab", "down"))
    assert all_gone(pids)
    assert not interfaces() & links
