"""The sensors of stand-in boards through real daemons: what each says live, and the clocks of both sides."""

import sys

from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.meters.alignment import align, clock_bounds
from orchestrator.measure.standin.kinds import pi
from orchestrator.measure.standin.kinds.tools import SAYS
from orchestrator.measure.standin.standin import StandIn
from orchestrator.workflows.live_sensors import View, look
from orchestrator.workflows.progress import Silent
from tests.lab.fixtures import MakeStandIn


def look_once(standin: StandIn) -> View:
    views: list[View] = []
    look(standin.device, Silent(), views.append)
    (view,) = views
    return view


def values(view: View) -> dict[str, float | None]:
    return {sensor.probe.name: sensor.value for sensor in view.sensors if sensor.probe.usable}


def reasons(view: View) -> dict[str, str | None]:
    return {sensor.probe.name: sensor.reason for sensor in view.sensors if not sensor.probe.usable}


def test_a_pi_says_what_its_firmware_knows(make_standin: MakeStandIn) -> None:
    board = make_standin("pi5")
    board.host.board.set(f"{SAYS}/vcgencmd/get_throttled", pi.throttled(0x50000))
    # Linux asks for 2.4 GHz; the firmware gives less.
    board.host.board.set(f"{SAYS}/vcgencmd/measure_clock_arm", "frequency(0)=1500000000\n")
    view = look_once(board)
    assert view.facts["throttled"].startswith("yes: vcgencmd get_throttled=0x50000: since boot: under-voltage")
    assert values(view)["policy0"] == 2.4e9
    assert values(view)["vcgencmd.arm"] == 1.5e9
    assert values(view)["pmic.VDD_CORE"] == 1.2503 * 0.8124
    # Half of an answer is no answer.
    board.host.board.set(f"{SAYS}/vcgencmd/pmic_read_adc", pi.pmic_read_adc()[:400])
    assert "no rail" in str(reasons(look_once(board))["power.pmic"])


def test_a_pi_4_has_no_power_sensor_and_says_why(make_standin: MakeStandIn) -> None:
    view = look_once(make_standin("pi4"))
    assert "only a Raspberry Pi 5 has them" in str(reasons(view)["power.pmic"])
    assert not [name for name in values(view) if name.startswith("pmic")]


def test_a_jetson_behind_dropbear_gives_its_rails_and_its_power_mode(make_standin: MakeStandIn) -> None:
    view = look_once(make_standin("orin-nano"))
    assert view.facts["power mode"] == "25W"
    assert values(view)["ina3221.VDD_IN"] == 5.024 * 984 / 1000
    assert {s.probe.source for s in view.sensors if s.probe.name.startswith("ina3221")} == {"ina3221 hwmon"}


def test_the_clock_of_a_device_is_known_within_its_answers(standin_ssh_host: StandIn) -> None:
    # Both sides run on one kernel: the true offset is 0.
    with open_transport(standin_ssh_host.device) as transport:
        offset = align(clock_bounds(transport, standin_ssh_host.device.python or sys.executable))
    assert 0 < offset.uncertainty_ns < 5_000_000_000
    assert abs(offset.offset_ns) <= offset.uncertainty_ns
