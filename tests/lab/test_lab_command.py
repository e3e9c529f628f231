"""``earshot lab`` as a user types it: up, what it tells, what it breaks and heals, down with nothing left."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.lab.command import (
    EARSHOT,
    WITHOUT_ROOT,
    Earshot,
    all_gone,
    descendants,
    done,
    holder_pid,
    interfaces,
    own_interfaces,
    status,
)


def test_a_lab_from_up_to_down(earshot: Earshot, tmp_path: Path) -> None:
    said = done(earshot("lab", "up", "--detach", "--only", "pi5,orin-nano", "--mbit", "500"))
    assert "earshot run kws --devices all --lab earshot-lab/lab.toml" in said
    pids, links = descendants(holder_pid(tmp_path)), own_interfaces(earshot)
    assert (len(pids) > 8, len(links)) == (True, 2)
    assert {name: row["rate_mbit"] for name, row in status(earshot).items()} == {"pi5": 500, "orin-nano": 500}

    shown = done(earshot("devices", "probe", "orin-nano", "--lab", "earshot-lab/lab.toml"))
    assert "profile       jetson-orin-nano" in shown
    assert "stand-in: NVIDIA Jetson" in shown

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
    assert state["device_model"].startswith("stand-in-raspberry-pi-5")
    assert state["probe"]["state"]["throttled"] is True

    done(earshot("lab", "down"))
    assert all_gone(pids)
    assert not interfaces() & links
    assert {path.name for path in (tmp_path / "earshot-lab").iterdir()} == {"lab.lock", "lab.log"}


def test_a_lab_of_an_ordinary_user_has_a_network_of_its_own(earshot: Earshot, tmp_path: Path) -> None:
    said = done(earshot("lab", "up", "--detach", "--only", "pi5,orin-nano", "--delay-ms", "2", before=WITHOUT_ROOT))
    assert re.search(r"earshot lab exec -- \S*earshot run kws", said)
    namespace = Path(f"/proc/{holder_pid(tmp_path)}/ns/net").readlink()
    assert namespace != Path("/proc/self/ns/net").readlink()
    pids = descendants(holder_pid(tmp_path))
    inside = [*EARSHOT, "devices", "probe", "pi5", "--lab", "earshot-lab/lab.toml"]
    assert "raspberry-pi-5" in done(earshot("lab", "exec", "--", *inside, before=WITHOUT_ROOT))
    assert status(earshot)["orin-nano"]["state"] == "up"
    done(earshot("lab", "down", before=WITHOUT_ROOT))
    assert all_gone(pids)


def test_where_user_namespaces_are_refused_the_reason_is_told(earshot: Earshot, tmp_path: Path) -> None:
    # Without SETFCAP the kernel lets uid 0 make none.
    answer = earshot("lab", "up", "--detach", before=["setpriv", "--bounding-set=-all", "--inh-caps=-all"])
    assert answer.returncode == 5
    assert "an ordinary user cannot have a lab here: unshare" in answer.stderr
    assert "next:" in answer.stderr
    assert not (tmp_path / "earshot-lab/lab.json").exists()


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
