"""Simulated devices whose truth is known, to try predictions on; never evidence about a device.

A roofline: time = max(work / throughput, bytes / bandwidth) + overhead, with efficiencies of each core, chip and engine
that no profile tells. On purpose it is another model than the one that predicts.
"""

from dataclasses import dataclass

import numpy as np

from orchestrator.decide.prediction.cells import Record
from orchestrator.decide.prediction.configuration import INT8, WEIGHTS, Configuration, parse_label
from orchestrator.decide.prediction.cores import CORES, DOT, MATMUL
from orchestrator.decide.prediction.device import CoreGroup, DeviceFacts

LABELS = tuple(
    f"{recipe} {provider} {threads}t"
    for recipe, provider in (
        ("onnx:fp32", "CPU"),
        ("onnx:int8-dynamic", "CPU"),
        ("onnx:int8-qdq", "CPU"),
        ("litert:fp32", "XNNPACK"),
        ("litert:int8-weight", "XNNPACK"),
        ("litert:int8-static", "XNNPACK"),
    )
    for threads in (1, 2)
)
# (little, big, prime) as they were sold together.
_LINES = (
    ("Cortex-A53", "Cortex-A72", None),
    ("Cortex-A55", "Cortex-A76", None),
    ("Cortex-A55", "Cortex-A78", None),
    ("Cortex-A55", "Cortex-A78", "Cortex-X1"),
    ("Cortex-A510", "Cortex-A710", "Cortex-X2"),
    ("Cortex-A510", "Cortex-A715", "Cortex-X3"),
    ("Cortex-A520", "Cortex-A720", "Cortex-X4"),
    ("Cortex-A53", None, None),
)
_CLOCK_MHZ = {0: (1000, 2000), 1: (1800, 2800), 2: (2700, 3300)}


@dataclass(frozen=True)
class Fleet:
    """``truth``: device -> configuration -> true ms. ``records``: noisy runs of all devices."""

    devices: dict[str, DeviceFacts]
    configurations: tuple[Configuration, ...]
    truth: dict[str, dict[str, float]]
    records: tuple[Record, ...]

    def regret(self, device: str, winner: str) -> float:
        """How much slower than the true best, as a share."""
        return self.truth[device][winner] / min(self.truth[device].values()) - 1


def make_fleet(devices: int, seed: int, *, runs: int = 4, noise: float = 0.03) -> Fleet:
    """The same seed gives the same fleet. A third of the devices share a chip with another one."""
    rng = np.random.default_rng([seed, devices])
    configurations = tuple(parse_label(label)[1] for label in LABELS)
    hidden = _Hidden(rng, configurations)
    facts: dict[str, DeviceFacts] = {}
    chips: list[DeviceFacts] = []
    for number in range(devices):
        name = f"device-{number:02d}"
        shared = chips and rng.random() < 1 / 3
        chip = chips[rng.integers(len(chips))] if shared else _chip(rng, len(chips))
        if not shared:
            chips.append(chip)
        facts[name] = DeviceFacts(name, name, chip.soc, chip.groups, chip.bandwidth_gb_s)
    truth = {name: {c.name: hidden.time_ms(device, c) for c in configurations} for name, device in facts.items()}
    records = tuple(
        Record(name, c, tuple(truth[name][c.name] * np.exp(rng.normal(0, noise, runs))), quality_loss=0.0)
        for name in facts
        for c in configurations
    )
    return Fleet(facts, configurations, truth, records)


def _chip(rng: np.random.Generator, number: int) -> DeviceFacts:
    line = _LINES[rng.integers(len(_LINES))]
    groups = []
    for place, core in enumerate(line):
        if core is not None:
            low, high = _CLOCK_MHZ[place]
            count = 1 if place == 2 else 4
            groups.append(CoreGroup(count, core, int(rng.uniform(low, high))))
    # Of every second chip the maker does not tell it.
    bandwidth = float(rng.choice([8.5, 13.0, 17.0, 34.0, 51.2, 68.0])) if rng.random() < 0.5 else None
    return DeviceFacts("", "", f"chip-{number}", tuple(groups), bandwidth)


class _Hidden:
    """What nobody tells: drawn once for a fleet, and per chip and device as they are met."""

    def __init__(self, rng: np.random.Generator, configurations: tuple[Configuration, ...]) -> None:
        self._rng = rng
        self._drawn: dict[tuple[str, ...], float] = {}
        self._work = {c.recipe.format: float(rng.uniform(4, 12)) for c in configurations}
        self._overhead = {c.engine: float(rng.uniform(0.05, 0.3)) for c in configurations}

    def _factor(self, spread: float, *key: str) -> float:
        """The same for the same key."""
        if key not in self._drawn:
            self._drawn[key] = float(np.exp(self._rng.normal(0, spread)))
        return self._drawn[key]

    def time_ms(self, device: DeviceFacts, configuration: Configuration) -> float:
        used = device.used(configuration.threads)
        assert used is not None
        core, engine = used[0].core, configuration.engine
        rate = sum(group.count * self._rate(group, configuration) for group in used)
        rate /= 1 + 0.25 * (configuration.threads - 1) * self._factor(0.3, "sync", engine)
        compute = 20 * self._work[configuration.recipe.format] / rate
        hidden_bandwidth = device.bandwidth_gb_s or 20 * self._factor(0.5, "bandwidth", device.soc or "")
        size = {INT8: 0.25, WEIGHTS: 0.25}.get(configuration.precision, 1.0)
        memory = 8 * size / hidden_bandwidth
        overhead = self._overhead[engine] * 2000 / (used[0].max_mhz or 2000)
        every = self._factor(0.08, "chip", device.soc or "") * self._factor(0.05, "device", device.name)
        kernels = self._factor(0.10, core, configuration.kernels) * self._factor(0.04, device.name, configuration.name)
        return (max(compute, memory) + overhead) * every * kernels

    def _rate(self, group: CoreGroup, configuration: Configuration) -> float:
        kind = CORES[group.core]
        gain = 1.0
        if configuration.precision == INT8:
            gain = {DOT: 2.4, MATMUL: 3.2}.get(kind.int8, 0.8) * self._factor(0.15, kind.int8, configuration.engine)
        width: float = (kind.lanes or 4) ** 0.8
        return (group.max_mhz or 2000) / 1000 * width * gain * self._factor(0.15, "core", group.core)
