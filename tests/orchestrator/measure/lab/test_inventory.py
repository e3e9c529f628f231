from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.lab.inventory import Device, Lab, find_device, load_lab, open_transport
from orchestrator.measure.lab.ssh_device import ssh_target
from tests.hosts import SshHost, lab_text

GOOD = """
[devices.pi5]
transport = "ssh"
host = "pi5.lan"
user = "pi"
port = 2222
identity_file = "keys/lab"
known_hosts = "~/.ssh/lab_hosts"
jump = "gate"
python = "python3.11"
root = "/data/earshot"
tags = ["arm", "desk"]

[devices.gate]
host = "gate.example"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _load(folder: Path, text: str) -> Lab:
    (folder / "lab.toml").write_text(text)
    return load_lab(folder / "lab.toml")


def _problems(folder: Path, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        _load(folder, text)
    return str(caught.value)


def test_this_machine_needs_no_lab_file() -> None:
    device = find_device(load_lab(None), "local")
    assert device == Device("local", "local")
    with open_transport(device) as transport:
        assert transport.exec(["printf", "%s", "here"]).stdout == b"here"


def test_every_setting_is_read(tmp_path: Path, home: Path) -> None:
    lab = _load(tmp_path, GOOD)
    assert set(lab.devices) == {"pi5", "gate", "local"}
    gate = Device("gate", "ssh", host="gate.example")
    assert find_device(lab, "pi5") == Device(
        name="pi5",
        transport="ssh",
        host="pi5.lan",
        user="pi",
        port=2222,
        identity_file=tmp_path / "keys" / "lab",
        known_hosts=home / ".ssh" / "lab_hosts",
        jump="gate",
        via=gate,
        python="python3.11",
        root="/data/earshot",
        tags=("arm", "desk"),
    )


def test_what_a_phone_and_its_surroundings_need(tmp_path: Path) -> None:
    text = """
[devices.pixel-8]
transport = "adb"
host = "10.0.0.8"
port = 5555
adb_key = "keys/adbkey"
profile = "pixel-8"
sudo = true
meter = {kind = "shelly", host = "plug.lan"}
[devices.pixel-8.environments.own]
python = "/usr/bin/python3.13"
[devices.pixel-8.environments.openvino]
packages = ["onnxruntime-openvino==1.23.0", "numpy"]
[devices.pixel-8.hooks]
power_cycle = ["uhubctl", "-a", "cycle", "-l", "1-1"]
[devices.pixel-8.cool_down]
within_c = 2
[devices.termux]
host = "127.0.0.1"
port = 8022
jump = "pixel-8"
"""
    lab = _load(tmp_path, text)
    phone = lab.devices["pixel-8"]
    assert lab.devices["termux"].via == phone
    assert phone.environments["openvino"].packages == ("onnxruntime-openvino==1.23.0", "numpy")
    assert phone.environments["own"].python == "/usr/bin/python3.13"
    assert phone.hooks.power_cycle == ("uhubctl", "-a", "cycle", "-l", "1-1")
    assert (phone.cool_down.within_c, phone.cool_down.at_most_s) == (2, 300)
    assert (phone.adb_key, phone.sudo, phone.meter) == (
        tmp_path / "keys" / "adbkey",
        True,
        {"kind": "shelly", "host": "plug.lan"},
    )


def test_a_jump_through_another_device_of_the_lab_uses_its_settings(tmp_path: Path) -> None:
    target = ssh_target(find_device(_load(tmp_path, GOOD + 'user = "keeper"\n'), "pi5"))
    assert [(h.user, h.address) for h in target.jump] == [("keeper", "gate.example")]
    assert (target.user, target.address, target.port) == ("pi", "pi5.lan", 2222)


def test_a_device_of_the_lab_opens(tmp_path: Path, ssh_host: SshHost) -> None:
    with open_transport(find_device(_load(tmp_path, lab_text(ssh_host, name="bench")), "bench")) as transport:
        assert (transport.name, transport.kind) == ("bench", "ssh")
        assert transport.exec(["printenv", "HOME"]).stdout.decode().strip() == str(ssh_host.home)


def test_an_unknown_device_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no device 'pi6' in .*lab.toml") as caught:
        find_device(_load(tmp_path, GOOD), "pi6")
    assert caught.value.hint == "did you mean 'pi5'? known are gate, local, pi5"


def test_all_problems_at_once_with_their_lines(tmp_path: Path) -> None:
    text = """[devices.pi5]
transport = "ssh"
hots = "pi5.lan"
port = "22"

[devices.orin]
transport = "usb"
password = "1234"

[device.typo]
"""
    message = _problems(tmp_path, text)
    assert "has 6 problem(s)" in message
    assert "line 3: [devices.pi5] unknown key 'hots': did you mean 'host'?" in message
    assert "line 4: [devices.pi5] port must be a whole number, got '22'" in message
    assert "line 1: [devices.pi5] needs host" in message
    assert "line 7: [devices.orin] transport must be one of local, ssh, adb, got 'usb'" in message
    assert "line 8: [devices.orin] password does not belong here" in message
    assert "[device] is unknown: did you mean 'devices'?" in message
    assert "1234" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[devices.a]\nhost = ""\n', "line 2: [devices.a] host must not be empty"),
        ('[devices.a]\nhost = "h"\nport = 0\n', "port must be in 1..65535, got 0"),
        ('[devices.a]\nhost = "h"\nport = true\n', "port must be a whole number, got True"),
        ('[devices.a]\nhost = "h"\ntags = [1]\n', "tags must be strings"),
        ('[devices.a]\ntransport = "local"\nhost = "h"\n', "host is only for transport = 'ssh' or 'adb'"),
        ('[devices.local]\nhost = "h"\n', "the name local is kept for this machine"),
        ('[devices."a b"]\nhost = "h"\n', "name must match"),
        ("[devices]\na = 1\n", "must be a table, got 1"),
        ("devices = 1\n", "must be tables [devices.NAME]"),
        ('[devices.a]\nhost = "h"\njump = "b"\n[devices.b]\nhost = "i"\njump = "a"\n', "a -> b -> a"),
        ('[devices.a]\ntransport = "adb"\n', "needs host (ADB over TCP) or serial"),
        (
            '[devices.a]\ntransport = "adb"\nhost = "h"\nuser = "u"\n',
            "line 4: [devices.a] user is only for transport = 'ssh'",
        ),
        ('[devices.a]\nhost = "h"\nsudo = 1\n', "sudo must be a true or false, got 1"),
        (
            '[devices.a]\nhost = "h"\nisolate = ["irk"]\n',
            "line 3: [devices.a] unknown isolation step 'irk': did",
        ),
        ('[devices.a]\nhost = "h"\nisolate = ["priority", "realtime"]\n', "exclude each other"),
        ('[devices.a]\nhost = "h"\n[devices.a.hooks]\npower_of = ["x"]\n', "did you mean 'power_off'?"),
        ('[devices.a]\nhost = "h"\n[devices.a.hooks]\npower_off = "uhubctl -a off"\n', "power_off"),
        ('[devices.a]\nhost = "h"\n[devices.a.cool_down]\nwithin_c = -1\n', "within_c must be in 0..50, got -1"),
        ('[devices.a]\nhost = "h"\n[devices.a.environments.ov]\n', "needs python = ..., or packages = [...]"),
        ('[devices.a]\nhost = "h"\nmeter = {url = "x"}\n', "kind must be one of"),
        ("[devices.a\n", "line 1"),
        ("\0", "cannot read the lab file"),
    ],
)
def test_problems(tmp_path: Path, text: str, said: str) -> None:
    assert said in _problems(tmp_path, text)


def test_a_missing_lab_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no lab file"):
        load_lab(tmp_path / "absent.toml")


def test_nothing_can_jump_through_this_machine(tmp_path: Path) -> None:
    lab = _load(tmp_path, '[devices.a]\nhost = "h"\njump = "b"\n[devices.b]\ntransport = "local"\n')
    with pytest.raises(BadInput, match="device b is not reached over SSH"):
        open_transport(find_device(lab, "a"))
