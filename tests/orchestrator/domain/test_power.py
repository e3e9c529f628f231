"""Which sensor a device's energy comes from, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from agents.device_facts import SensorCalibration, SensorProbe
from orchestrator.domain.power import PowerSource, beyond_calibration, choose_source, read_source


def sensor(name: str, scope: str, quantity: str = "power_w", **more: object) -> SensorProbe:
    return SensorProbe(name, quantity, True, scope, source="a chip", shortest_interval_s=0.0, **more)  # type: ignore[arg-type]


BOARD, SOCKET = sensor("ina3221.VDD_IN", "board"), sensor("meter.socket", "socket")
BATTERY, SOC = sensor("battery", "battery"), sensor("pmic.sum-of-rails", "soc")
PACKAGES = tuple(sensor(f"rapl.{n}.package-{n}", "package", "energy_j") for n in (0, 1))
RAILS = tuple(sensor(f"odpm.0.{name}", "rail", "energy_j") for name in ("S1M_VDD_CPU", "S2M_VDD_TPU"))


def chosen(*sensors: SensorProbe) -> PowerSource:
    found = choose_source(sensors)
    assert isinstance(found, PowerSource)
    return found


def test_the_widest_scope_counts_and_scopes_are_never_summed() -> None:
    ordered = (BOARD, BATTERY, SOCKET, SOC, PACKAGES[0])
    for number, expected in enumerate(ordered):
        found = chosen(*ordered[:number:-1], expected)
        assert found.probes == (expected,)
        assert set(found.others) == {s.name for s in ordered[number + 1 :]}


def test_packages_of_rapl_add_up_and_nothing_else_does() -> None:
    assert chosen(*PACKAGES).probes == PACKAGES
    boards = (sensor("meter.left", "board"), sensor("meter.right", "board"))
    assert len(chosen(*boards).probes) == 1


def test_within_a_scope_calibrated_then_counters_then_a_meter_outside() -> None:
    outside = sensor("meter.command", "board")
    assert chosen(BOARD, outside).probes == (outside,)
    counter = sensor("rapl.psys", "board", "energy_j")
    assert chosen(BOARD, outside, counter).probes == (counter,)
    calibrated = replace(BOARD, calibrated=True)
    assert chosen(outside, counter, calibrated).probes == (calibrated,)


def test_rails_alone_are_no_energy_of_a_device() -> None:
    reason = choose_source(RAILS)
    assert isinstance(reason, str)
    assert "odpm.0.S1M_VDD_CPU, odpm.0.S2M_VDD_TPU: parts of the device only" in reason


def test_without_any_the_reasons_are_those_of_the_probe() -> None:
    absent = SensorProbe("power.rapl", "power", False, reason="may only be read by root")
    heat = SensorProbe("cpu", "temperature_c", False, reason="no zone")
    assert choose_source((absent, heat)) == "power.rapl: may only be read by root"
    assert choose_source(()) == "no power sensor on this device"
    # A voltage is no power.
    assert isinstance(choose_source((sensor("meter.monsoon-voltage", "battery", "voltage_v"),)), str)


def test_what_is_said_beside_each_number() -> None:
    probe = replace(BATTERY, charging=False, shortest_interval_s=1.0)
    assert chosen(probe).described() == (
        "battery (power of the battery, a chip, at most every 1 s, not charging, not calibrated)"
    )
    line = SensorCalibration(1.1, 0.2, 0.01, 1.0, 8.0, "Monsoon", "2026-03-04T05:06:07+00:00")
    calibrated = chosen(replace(BOARD, calibrated=True, calibration=line))
    assert calibrated.calibrated() == "calibrated against Monsoon on 2026-03-04"
    assert beyond_calibration(calibrated, 5.0) is None
    assert "outside of what was calibrated (1.3 to 9 W)" in str(beyond_calibration(calibrated, 12.0))
    assert beyond_calibration(chosen(BOARD), 1e6) is None


@pytest.mark.parametrize("quantity", ["power_w", "energy_j"])
def test_a_calibration_corrects_the_readings_and_not_the_raw_arrays(quantity: str) -> None:
    line = SensorCalibration(2.0, 0.5, 0.01, 1.0, 8.0, "Monsoon", "2026-03-04T05:06:07+00:00")
    source = chosen(sensor("ina3221.VDD_IN", "board", quantity, calibration=line))
    raw = np.array([3.0, 3.0, 3.0]) if quantity == "power_w" else np.array([10.0, 13.0, 16.0])
    arrays = {"sample_t_ns__ina3221": np.arange(3) * 10**9, f"sample_{quantity}__ina3221.VDD_IN": raw}
    readings = read_source(source, arrays)
    assert readings is not None
    power_w = readings.values if quantity == "power_w" else np.diff(readings.values)
    assert power_w == pytest.approx(6.5)
    assert arrays[f"sample_{quantity}__ina3221.VDD_IN"] is raw


def test_a_channel_that_gave_nothing_makes_its_source_silent() -> None:
    t_ns, values = np.arange(3), np.ones(3)
    arrays = {"sample_t_ns__rapl": t_ns, "sample_energy_j__rapl.0.package-0": values}
    assert read_source(chosen(*PACKAGES), arrays) is None
    both = read_source(chosen(*PACKAGES), arrays | {"sample_energy_j__rapl.1.package-1": values})
    assert both is not None
    assert both.values == pytest.approx(2.0)
