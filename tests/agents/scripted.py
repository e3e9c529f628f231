"""The measured loops on a simulated device, with stages that take scripted times and tell what passed through them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.failure import Failure
from agents.stages import Stages
from tests.simulator.device import SimulatedDevice

RATE_HZ, SIZE = 16000, 160
CHUNK_NS = 10_000_000


class Script:
    """Stages that take scripted times: features 10 us, the model ``service_ns[k]``, decode 5 us."""

    def __init__(self, device: SimulatedDevice, service_ns: list[int], fail_at: int | None = None) -> None:
        self.device, self.service_ns, self.fail_at = device, service_ns, fail_at
        self.heard: list[NDArray[Any]] = []
        self.checked: list[int] = []
        self.progress = [0]

    def stages(self, decode: bool = True) -> Stages:
        return Stages(
            push=self._push,
            target=np.zeros((1, SIZE), np.float32),
            step=self._step,
            decode=self._decode if decode else None,
            check=self._check,
            reset=lambda: None,
            finish=lambda: {"events": []},
            progress=self.progress,
        )

    def _push(self, samples: NDArray[Any], target: NDArray[Any]) -> None:
        self.heard.append(samples.copy())
        self.device.compute(10_000)

    def _step(self) -> None:
        self.device.compute(self.service_ns[len(self.heard) - 1])

    def _decode(self) -> None:
        self.device.compute(5_000)

    def _check(self, chunk: int) -> None:
        self.checked.append(chunk)
        if self.fail_at is not None and chunk >= self.fail_at:
            raise Failure("non-finite-output", f"y at chunk {chunk}")


def recording(count: int = 16000) -> NDArray[np.int16]:
    return np.arange(count, dtype=np.int16)
