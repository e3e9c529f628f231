"""What lies on a device is shown whoever started it, and forgotten where it does not run."""

import json
import os
import signal

import pytest

from agents import wire
from tests.agents.device import Device
from tests.agents.test_lifecycle import session_pid, slow_spec, start, wait_for


def listed(device: Device) -> dict[str, dict[str, object]]:
    return {kept["session_id"]: kept for kept in json.loads(device.call("sessions").stdout)}


def test_each_state(device: Device) -> None:
    assert listed(device) == {}
    device.run(device.spec(session_id="good", origin={"study": {"model": "kws"}}))
    device.run(device.spec(session_id="bad", provider="NoSuchProvider"))
    running = start(device, slow_spec(device, session_id="running"))
    wait_for(lambda: listed(device).get("running", {}).get("chunks_done") is not None)
    kept = listed(device)
    assert {name: k["state"] for name, k in kept.items()} == {"good": "finished", "bad": "failed", "running": "running"}
    assert (kept["good"]["chunks_done"], kept["good"]["origin"]) == (50, {"study": {"model": "kws"}})
    assert "NoSuchProvider" in str(kept["bad"]["reason"])
    assert kept["running"]["chunks_total"] == 300
    running.communicate(timeout=30)


def test_a_lost_one(device: Device) -> None:
    follower = start(device, slow_spec(device))
    session = session_pid(device)
    follower.kill()
    follower.communicate()
    os.kill(_parent(session), signal.SIGKILL)
    wait_for(lambda: listed(device)["s1"]["state"] == "lost")


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return int(file.read().rpartition(")")[2].split()[1])


def test_forgotten_with_the_next_one(device: Device) -> None:
    for name in ("one", "two"):
        device.run(device.spec(session_id=name))
    assert device.run(device.spec(session_id="three"), "--forget", "one,two,never-there").code == 0
    assert sorted(listed(device)) == ["three"]
    assert json.loads(device.call("forget", "--ids", "three").stdout) == ["three"]
    assert list((device.root / "sessions").iterdir()) == []


def test_what_runs_is_not_forgotten(device: Device) -> None:
    follower = start(device, slow_spec(device, 100))
    session_pid(device)
    assert json.loads(device.call("forget", "--ids", "s1").stdout) == []
    follower.communicate(timeout=30)
    assert follower.returncode == 0


@pytest.mark.parametrize("ids", ["", "../blobs", "a,,b", "/etc"])
def test_only_ids_are_forgotten(device: Device, ids: str) -> None:
    done = device.call("forget", "--ids", ids)
    assert done.returncode == wire.EXIT_BAD_REQUEST
    assert "these are no session ids" in done.stderr


def test_another_origin_is_not_another_session(device: Device) -> None:
    first = device.run(device.spec(origin={"found": 1}))
    assert device.run(device.spec(origin={"found": 2})).stdout == first.stdout
