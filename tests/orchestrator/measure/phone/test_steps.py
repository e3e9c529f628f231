"""The steps of a phone on stand-ins behind the genuine adbd: what is done already, what can be done from here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agents.doctor.android import PHANTOM_SETTING
from orchestrator.errors import BadInput
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.quieted import quieted
from orchestrator.measure.lab.device import Device
from orchestrator.measure.phone.look import PhoneFacts, look, ways
from orchestrator.measure.phone.steps import DONE, NEEDED, UNKNOWN, PhoneStep, perform, phone_steps
from orchestrator.measure.standin.rootfs import File
from orchestrator.measure.standin.standin import StandIn
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
from tests.agents.doctor import phone
from tests.lab.fixtures import MakeStandIn
from tests.phones import adbd_root

__all__ = ["adbd_root"]
SAYS = "/system/etc/stand-in/dumpsys"
SETTINGS = "/data/local/tmp/settings"
# The settings and pm of a phone, with what they keep in a folder. Output as AOSP's SettingsService and pm write it.
_SETTINGS = f"""#!/bin/sh
mkdir -p {SETTINGS}
case "$1" in
get) cat "{SETTINGS}/$3" 2>/dev/null || echo null ;;
put) echo "$4" > "{SETTINGS}/$3" ;;
delete) rm -f "{SETTINGS}/$3"; echo "Deleted 1 rows" ;;
esac
"""
_PM = """#!/bin/sh
[ "$2" = com.termux ] && echo "package:/data/app/com.termux/base.apk" || exit 1
"""


@pytest.fixture
def pixel(make_standin: MakeStandIn, adbd_root: object) -> StandIn:
    """A phone with Termux's sshd behind adb, whose framework answers."""
    standin = make_standin("pixel-8")
    for name, text in {"power": phone.POWER, "deviceidle": phone.IDLE}.items():
        standin.host.disk.write(f"{SAYS}/{name}", File(text))
    for name, text in {"settings": _SETTINGS, "pm": _PM}.items():
        standin.host.disk.write(f"/system/bin/{name}", File(text, mode=0o755))
    return standin


def states(steps: tuple[PhoneStep, ...]) -> dict[str, str]:
    return {step.what: step.state for step in steps}


def key_of(device: Device) -> str:
    assert device.identity_file is not None
    return device.identity_file.with_name(device.identity_file.name + ".pub").read_text().strip()


def test_what_is_done_is_seen_and_the_rest_is_done_from_here(pixel: StandIn) -> None:
    key = key_of(pixel.device)
    with ways(pixel.device) as found:
        steps = phone_steps(pixel.device, look(found, key), key)
        assert states(steps) == {
            "Termux": DONE,
            "packages": NEEDED,
            "your key": DONE,
            "sshd": DONE,
            "wake lock": DONE,
            "battery exemption": DONE,
            "phantom process limit": NEEDED,
            "lab file": DONE,
        }
        limit = next(step for step in steps if step.what == "phantom process limit")
        assert limit.shown == (f"adb shell settings put global {PHANTOM_SETTING} false",)
        assert perform(limit, found) is None
        assert states(phone_steps(pixel.device, look(found, key), key))["phantom process limit"] == DONE


def test_another_key_is_not_there(pixel: StandIn) -> None:
    other = "ssh-ed25519 AAAAother $(touch /tmp/never) someone"
    with ways(pixel.device) as found:
        step = next(s for s in phone_steps(pixel.device, look(found, other), other) if s.what == "your key")
        assert step.state == NEEDED
        assert perform(step, found) is None, "a key is data, whatever it holds"
        assert look(found, other).key_known is True
        assert found.termux is not None
        assert not found.termux.exec(["ls", "/tmp/never"]).ok


def test_without_a_cable_the_framework_is_unknown_and_says_why(pixel: StandIn) -> None:
    with ways(pixel.devices[1]) as found:
        facts = look(replace(found, shell=None, no_shell="no cable"), None)
        steps = phone_steps(pixel.devices[1], facts, None)
        assert found.termux is None
        assert states(steps)["battery exemption"] == UNKNOWN
        assert "no cable" in next(step.reason for step in steps if step.what == "wake lock")
        packages = next(step for step in steps if step.what == "packages")
        assert "cannot enter Termux" in (perform(packages, found) or "")
        assert packages.shown == ("pkg update -y", "pkg install -y openssh python proot-distro")


def test_a_board_is_no_phone() -> None:
    with pytest.raises(BadInput, match="is no phone"), ways(Device("pi5", "ssh", host="pi5.local")):
        pass


def test_nothing_known_is_nothing_done() -> None:
    device = Device("phone", "adb", serial="R5")
    found = states(phone_steps(device, PhoneFacts(), None))
    assert DONE not in found.values()
    assert found["sshd"] == found["lab file"] == NEEDED


def test_the_doctor_quiets_a_phone_through_its_adb_shell_and_undoes_it(pixel: StandIn) -> None:
    """The agent is in Termux, which may neither ask nor change; the way back lies in Termux all the same."""
    host = pixel.host
    host.disk.write(f"{SETTINGS}/low_power", File("1\n", mode=0o666))
    host.run(["chmod", "777", SETTINGS])
    agent = deploy_agent(pixel.device, Silent())[0]

    def settings() -> dict[str, str]:
        folder: Path = host.disk.path(SETTINGS)
        return {path.name: path.read_text().strip() for path in folder.iterdir()}

    with agent.transport, quieted(agent, pixel.device, print):
        inside = settings()
        assert inside["low_power"] == "0"
        assert inside[PHANTOM_SETTING] == "false"
        assert undo_journal.is_there(agent)
        entries = json.loads(host.disk.path(f"{agent.root}/undo.json").read_text())
        assert {c["through"] for entry in entries for c in entry["changes"]} >= {"adb-shell"}
    assert settings() == {"low_power": "1"}
