"""A runtime that takes the device's time and does nothing else. It is a backend as those of the agent are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.failure import Failure
from tests.simulator.device import SimulatedDevice


class SimulatedBackend:
    """The n-th step since the last reset takes ``costs_ns[n]`` of the device."""

    runtime_version = "simulated"
    runtime_build: str | None = "a simulated device, not a runtime"
    errors: tuple[type[Exception], ...] = ()

    def __init__(self, spec: wire.RunSpec, device: SimulatedDevice, costs_ns: list[int]) -> None:
        contract = spec.contract
        self.providers: tuple[str, ...] = (spec.provider,)
        self.input: NDArray[Any] = np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype)
        self.outputs: tuple[NDArray[Any], ...] = tuple(np.zeros(o.shape, o.dtype) for o in contract.outputs)
        self._states = {s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states}
        self._device, self._costs_ns = device, costs_ns
        self._next: Iterator[int] = iter(costs_ns)

    def step(self) -> None:
        self._device.compute(next(self._next))

    def first_run(self) -> None:
        self.step()

    def bind(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._next = iter(self._costs_ns)

    def states(self) -> dict[str, NDArray[Any]]:
        return dict(self._states)

    def end_profile(self) -> wire.Profile:
        raise Failure("internal", "a simulated device runs no graph that could be profiled")
