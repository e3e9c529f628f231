"""What the agent's sampler sees of a simulated device: its own loop, its own file, on the device's time."""

import random
import tempfile
from typing import Any

from numpy.typing import NDArray

from agents.recording import sampled_arrays
from agents.sampler import Group, Writer, sample, write_header
from tests.metered import BOARD
from tests.simulator.device import FULL_CLOCK_HZ, SimulatedDevice

S = 1_000_000_000
# Before and after the stream, as the sampler of a session runs.
AROUND_S = 1.0


class _Looks:
    """The time at which the sampler is, while it goes through what a device did."""

    def __init__(self, device: SimulatedDevice, begin_ns: int, end_ns: int) -> None:
        self.t_ns, self._end_ns, self._trace = begin_ns, end_ns, device.trace

    def stopped(self, wait_s: float) -> bool:
        self.t_ns += int(wait_s * S)
        return self.t_ns > self._end_ns

    def state(self) -> list[float]:
        assert self._trace is not None
        seen = self._trace.at(self.t_ns)
        return [seen.temperature_c, seen.clock_share * FULL_CLOCK_HZ]

    def power(self) -> list[float]:
        assert self._trace is not None
        return [self._trace.at(self.t_ns).power_w]


def sampled(
    device: SimulatedDevice, begin_ns: int, end_ns: int, hz: float, seed: int
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """(arrays, absent sensors with reasons) of what the device did between the two moments."""
    if device.trace is None or not hz:
        return sampled_arrays(None, 0.0)[:2]
    looks = _Looks(device, begin_ns - round(AROUND_S * S), end_ns + round(AROUND_S * S))
    groups, absent = [], {}
    if device.heat:
        groups.append(Group("sample_t_ns", ("sample_temperature_c__soc", "sample_frequency_hz__policy0"), looks.state))
    if device.draw:
        groups.append(Group("sample_t_ns__ina3221", (f"sample_power_w__{BOARD.name}",), looks.power))
    else:
        absent["power"] = "no power sensor on this device"
    with tempfile.NamedTemporaryFile() as file:
        write_header(file, groups, absent)
        writer = Writer(file, lambda: looks.t_ns)
        sample(writer, list(enumerate(groups)), hz, random.Random(seed), looks.stopped)
        writer.end()
        file.write(b'{"cpu_share": null}\n')
        file.flush()
        arrays, absent, _ = sampled_arrays(file.name, hz)
    return arrays, absent
