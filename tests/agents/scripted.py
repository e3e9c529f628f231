"""The measured loops under a clock that moves only as a script says, with stages that take scripted times."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import stream
from agents.failure import Failure

RATE_HZ, SIZE = 16000, 160
CHUNK_NS = 10_000_000


class FakeClock:
    """Time moves only when the script says so. ``wake_late_ns`` is how late the k-th wait returns."""

    def __init__(self, wake_late_ns: Callable[[int], int] = lambda wait: 0) -> None:
        self.time_ns = 1_000_000
        self.waits: list[int] = []
        self._wake_late_ns = wake_late_ns
        self.now_ns: Callable[[], int] = lambda: self.time_ns
        self.cpu_ns: Callable[[], int] = lambda: 0

    def wait_until(self, deadline_ns: int, spin_ns: int) -> None:
        assert deadline_ns > self.time_ns, "the pacer waits only for what lies ahead"
        assert 0 <= spin_ns <= 500_000
        self.waits.append(deadline_ns)
        self.time_ns = deadline_ns + self._wake_late_ns(len(self.waits) - 1)


class Script:
    """Stages that take scripted times: features 10 us, the model ``service_ns[k]``, decode 5 us."""

    def __init__(self, clock: FakeClock, service_ns: list[int], fail_at: int | None = None) -> None:
        self.clock, self.service_ns, self.fail_at = clock, service_ns, fail_at
        self.heard: list[NDArray[Any]] = []
        self.checked: list[int] = []
        self.progress = [0]

    def stages(self, decode: bool = True) -> stream.Stages:
        return stream.Stages(
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
        self.clock.time_ns += 10_000

    def _step(self) -> None:
        self.clock.time_ns += self.service_ns[len(self.heard) - 1]

    def _decode(self) -> None:
        self.clock.time_ns += 5_000

    def _check(self, chunk: int) -> None:
        self.checked.append(chunk)
        if self.fail_at is not None and chunk >= self.fail_at:
            raise Failure("non-finite-output", f"y at chunk {chunk}")


def recording(count: int = 16000) -> NDArray[np.int16]:
    return np.arange(count, dtype=np.int16)
