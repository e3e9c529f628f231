"""What the stand-ins' sensors say, as the agent on them reads it: the documented formats, and values that were set."""

from collections.abc import Mapping

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.measure.lab.profiles import match_profile
from orchestrator.measure.standin import sensors
from orchestrator.measure.standin.catalog import KINDS
from orchestrator.measure.standin.standin import StandIn
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
from tests.hosts import require_program
from tests.lab.fixtures import MakeStandIn

BOARDS = {
    "pi5": ("raspberry-pi-5", {"pmic.VDD_CORE", "pmic.sum-of-rails", "vcgencmd.temp", "vcgencmd.arm", "cpu-thermal"}),
    "pi4": ("raspberry-pi-4", {"vcgencmd.temp", "vcgencmd.arm", "cpu-thermal"}),
    "orin-nano": ("jetson-orin-nano", {"ina3221.VDD_IN", "ina3221.VDD_CPU_GPU_CV", "ina3221.VDD_SOC", "tj-thermal"}),
    "pixel-8": ("pixel-8", {"battery", "BIG"}),
    "galaxy-a15": ("galaxy-a15", {"battery", "thermalservice.VIRTUAL-SKIN"}),
}


def set_sensor(standin: StandIn, values: Mapping[str, str]) -> None:
    for sensor, value in values.items():
        for path, text in sensors.shown(standin.kind, sensor, value).items():
            standin.host.board.set(path, text)


@pytest.mark.parametrize("kind", list(BOARDS))
def test_a_stand_in_is_known_by_its_profile_and_its_sensors_answer(make_standin: MakeStandIn, kind: str) -> None:
    for name in ("dropbear", "busybox", "dpkg-deb"):
        require_program(name)
    standin = make_standin(kind)
    agent, environment = deploy_agent(standin.device, Silent())
    agent.transport.close()
    profile, expected = BOARDS[kind]
    found = match_profile(environment.probe, load_profiles())
    assert found is not None
    assert found.name == profile
    assert expected <= {sensor.name for sensor in environment.probe.sensors if sensor.usable}
    assert environment.probe.virtual is not None
    assert environment.probe.virtual.startswith("stand-in: ")
    assert not environment.emulated
    # The kinds differ in cores; all of them differ from this machine.
    assert all(core.part.startswith("0x41/") for core in environment.probe.cores)


def test_latched_throttling_and_heat_are_seen(make_standin: MakeStandIn) -> None:
    pi = make_standin("pi5")
    set_sensor(pi, {"throttled": "0x50000", "temperature_c": "84.5"})
    agent, environment = deploy_agent(pi.device, Silent())
    agent.transport.close()
    state = environment.probe.state
    assert state.throttled is True
    assert "0x50000" in state.throttled_source
    assert state.temperature_c["cpu-thermal"] == 84.5


@pytest.mark.parametrize(
    ("kind", "sensor", "value", "said"),
    [
        ("pi5", "temperature_c", "warm", "temperature_c of pi5"),
        ("pi5", "temperature_c", "200", "must be in -40..150"),
        ("pi4", "core_current_a", "1", "no sensor 'core_current_a'"),
        ("pixel-8", "battery", "Empty", "must be one of Charging"),
        ("aarch64", "temperature_c", "20", "no sensor"),
    ],
)
def test_what_a_sensor_cannot_show_is_refused(kind: str, sensor: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        sensors.shown(kind, sensor, value)


def test_each_kind_has_sensors_or_is_the_emulated_board() -> None:
    assert set(KINDS) - set(sensors.SENSORS) == {"aarch64"}
    assert set(BOARDS) == set(sensors.SENSORS)
