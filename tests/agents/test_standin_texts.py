"""What the test lab's stand-in boards say is read by the agent's own parsers, whole and as meant."""

import pytest

from agents import jetson
from agents.device_facts import Gauge
from agents.power import battery, pmic, tegrastats
from agents.power.battery_text import parse_dumpsys, parse_termux, parse_uevent
from agents.thermal import thermalservice, vcgencmd
from orchestrator.measure.standin.kinds import jetson as jetson_kind
from orchestrator.measure.standin.kinds import phone, pi
from orchestrator.measure.standin.kinds.tools import SAYS


def test_pi() -> None:
    power_w = pmic.parse(pi.pmic_read_adc(core_amperes=2.0))
    assert len(power_w) == 13
    assert power_w["pmic.VDD_CORE"] == pytest.approx(2.0 * 0.8124)
    assert vcgencmd.parse_get_throttled(pi.throttled(0x50004)) == 0x50004
    assert vcgencmd.parse_temp(pi.temperature(46.34)) == 46.3


@pytest.mark.parametrize("model", [pi.PI_4, pi.PI_5], ids=["4", "5"])
def test_a_pis_clock(model: pi.PiModel) -> None:
    said = pi.board(model)[f"{SAYS}/vcgencmd/measure_clock_arm"]
    assert vcgencmd.parse_clock(str(said.text)) == model.cluster.most_khz * 1e3


def test_jetson() -> None:
    board = jetson_kind.board()
    line = tegrastats.parse("09-21-2025 15:38:17 " + str(board[f"{SAYS}/tegrastats"].text))
    assert set(line.power_w) == set(jetson_kind.RAILS)
    assert line.power_w["VDD_IN"] == pytest.approx(5.024 * 0.984, abs=0.001)
    assert {"cpu", "tj"} <= set(line.temperature_c)
    assert jetson.parse_power_mode(str(board[f"{SAYS}/nvpmodel"].text)) == "25W"
    assert jetson.parse_clocks(str(board[f"{SAYS}/jetson_clocks"].text)) == jetson.Clocks(False, False)


def test_phone() -> None:
    uevent = parse_uevent(phone.battery()["uevent"])
    assert battery.power_w(uevent) == pytest.approx(0.412 * 4.012)
    assert parse_dumpsys(phone.dumpsys()["battery"]).temperature_c == 29.4
    thermal = thermalservice.parse(phone.dumpsys()["thermalservice"])
    assert thermal.temperature_c["BIG"] == 38.0
    assert thermal.cpu_cooling == {"thermal-cpufreq-0": 0}
    assert Gauge(-1, "mA").discharge_a(parse_termux(phone.termux_battery_status()).current_raw or 0) == pytest.approx(
        0.412
    )
