"""Monsoon's serial protocol against a stand-in on a pseudo-terminal. No Power Monitor was at hand to try it on."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.measure.meters import monsoon
from orchestrator.measure.meters.base import Meter
from orchestrator.measure.meters.monsoon import POWER, VOLTAGE, Monsoon, MonsoonOptions
from orchestrator.measure.meters.monsoon_packets import Calibration, packet, samples_of, take_packet
from tests.orchestrator.measure.meters.monsoon_device import COARSE_REF, COARSE_ZERO, FINE_REF, FINE_ZERO, monitor

# 4 V at 125 uV a bit; the middle of the coarse range: 1.44 A.
VOLTS_4 = 32000
COARSE_MIDDLE = ((COARSE_ZERO + COARSE_REF) // 2) | 1


def calibration() -> Calibration:
    made = Calibration(hardware_revision=3)
    made.take(1, FINE_ZERO, COARSE_ZERO)
    made.take(2, FINE_REF, COARSE_REF)
    return made


def test_both_ranges() -> None:
    assert calibration().current_a((FINE_ZERO + FINE_REF) // 2) == pytest.approx(0.0166)
    assert calibration().current_a(COARSE_MIDDLE) == pytest.approx(1.44)


def test_no_current_before_the_calibration() -> None:
    body = bytes([0x20, 0, 0, 0]) + bytes(8) + b"\0"
    assert samples_of(body, Calibration(3)) == []


def test_a_calibration_without_a_span_is_refused() -> None:
    flat = Calibration(3)
    flat.take(1, 5, 5)
    flat.take(2, 5, 5)
    with pytest.raises(ValueError, match="reference above its zero"):
        flat.current_a(100)


@given(st.binary(max_size=200))
def test_packets_survive_the_way_and_damage_is_seen(body: bytes) -> None:
    sent = packet(body)
    assert take_packet(sent + b"rest") == (body, b"rest")
    for end in range(len(sent)):
        assert take_packet(sent[:end]) is None
    damaged = sent[:-1] + bytes([sent[-1] ^ 1])
    assert take_packet(damaged) == (None, b"")


def test_it_reads_watts_and_volts_and_touches_no_output() -> None:
    with monitor(COARSE_MIDDLE, VOLTS_4) as (stand_in, port):
        meter = MonsoonOptions(port=port).open()
        assert meter.read() == pytest.approx({POWER: 5.76, VOLTAGE: 4.0})
        assert meter.read() == pytest.approx({POWER: 5.76, VOLTAGE: 4.0})
        meter.close()
        kinds = [(body[0], body[1]) for body in stand_in.commands]
        # 0x01 0x01 sets the output's voltage.
        assert (0x01, 0x01) not in kinds
        assert set(kinds) <= {(0x03, 0x00), (0x01, 0x00), (0x01, 0x1B), (0x02, 0xFF)}


def test_the_first_hardware_counts_volts_in_half_steps() -> None:
    with monitor(COARSE_MIDDLE, VOLTS_4, revision=1) as (_, port):
        meter = MonsoonOptions(port=port).open()
        assert meter.read()[VOLTAGE] == pytest.approx(2.0)
        meter.close()


@pytest.mark.parametrize(("fault", "message"), [("lose", "lost packets"), ("damage", "wrong checksum")])
def test_a_packet_that_was_lost_or_damaged_is_a_gap(fault: str, message: str) -> None:
    with monitor(COARSE_MIDDLE, VOLTS_4) as (stand_in, port):
        meter = MonsoonOptions(port=port).open()
        meter.read()
        setattr(stand_in, fault, True)
        with pytest.raises(ValueError, match=message):
            _read_on(meter)
        if fault == "damage":
            # A damaged packet is a lost one too.
            with pytest.raises(ValueError, match="lost packets"):
                meter.read()
        assert meter.read()[POWER] == pytest.approx(5.76)
        meter.close()


def _read_on(meter: Meter) -> None:
    """Until the fault has come through what the terminal still held."""
    for _ in range(100):
        meter.read()


def test_a_sign_flip_is_no_reading() -> None:
    with monitor(-20001, VOLTS_4) as (_, port):
        meter = MonsoonOptions(port=port).open()
        with pytest.raises(ValueError, match="wrong way round"):
            meter.read()
        meter.close()


def test_a_port_that_is_none_or_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monsoon, "_TIMEOUT_S", 0.1)
    with pytest.raises(FileNotFoundError):
        Monsoon(str(tmp_path / "ttyACM0"))
    far, near = os.openpty()
    with pytest.raises(OSError, match="sent nothing"):
        Monsoon(os.ttyname(near))
    os.close(near)
    os.close(far)
    with pytest.raises(ValueError, match="port must be a device"):
        MonsoonOptions(port="COM3")
