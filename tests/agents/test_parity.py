"""A provider's outputs against the CPU's."""

import numpy as np
import pytest

from agents import parity, wire
from agents.failure import Failure
from agents.providers import CPU
from tests.agents.device import Device

CHUNKS = [(np.array([1.0, -1.0], np.float32), np.array([[2.0]], np.float32)), (np.array([0.5, 0.5], np.float32),)]


def test_the_same_bits_have_no_noise() -> None:
    assert parity.compare(CPU, lambda: CHUNKS, CHUNKS) == wire.DeviceParity(CPU, 2, 0.0, None)


def test_a_difference_is_told_against_the_signal() -> None:
    other = [(CHUNKS[0][0], CHUNKS[0][1] + 0.1), CHUNKS[1]]
    found = parity.compare(CPU, lambda: CHUNKS, other)
    assert found.max_abs == pytest.approx(0.1, rel=1e-6)
    # Signal 1 + 1 + 4 + 0.25 + 0.25, noise 0.01.
    assert found.snr_db == pytest.approx(10 * np.log10(6.5 / 0.01), abs=1e-4)


def test_silence_against_noise_is_no_division_by_zero() -> None:
    nothing = [(np.zeros(3, np.float32),)]
    found = parity.compare(CPU, lambda: nothing, [(np.ones(3, np.float32),)])
    assert found.snr_db is not None
    assert found.snr_db < -1000


@pytest.mark.parametrize("got", [[(np.array([1.0, np.nan]),)], [(np.array([1.0]),)]])
def test_what_cannot_be_compared(got: parity.Outputs) -> None:
    found = parity.compare(CPU, lambda: [(np.array([1.0, 2.0]),)], got)
    assert (found.max_abs, found.snr_db) == (None, None)
    assert "another shape, or hold NaN" in (found.reason or "")


def test_a_reference_that_cannot_run_the_file_is_an_answer() -> None:
    def fails() -> parity.Outputs:
        raise Failure("model-load", "no kernel for it")

    found = parity.compare(CPU, fails, CHUNKS)
    assert found.reason == f"{CPU} could not be compared with: no kernel for it"


def test_the_cpu_and_runtimes_without_a_reference_have_nothing_to_be_compared_with(device: Device) -> None:
    assert parity.reference_of(device.spec()) is None
    assert parity.reference_of(device.spec(provider="OpenVINOExecutionProvider")) == CPU
    assert parity.reference_of(device.spec(runtime="echo", provider="echo")) is None
