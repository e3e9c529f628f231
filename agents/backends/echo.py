"""A stand-in for a runtime, labelled as one: copies its input to its output in a scripted time.

For trying a lab and for tests of the stream; never offered by a probe, never a candidate.
"""

import copy
import time
from typing import Any, Dict, Optional, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.busy import start_busy
from agents.failure import Failure

OPTIONS = ("service_us", "sleep_us", "stall_every", "stall_ms", "busy_cores", "work")
PROVIDER = "echo"
# Of one round of ``work``: some us on a server, and little enough for every first-level cache.
_NUMBERS = 1024


class EchoBackend:
    """Session options: ``service_us`` busy time per chunk, ``sleep_us`` time asleep, as where an accelerator works,
    ``stall_every`` chunks one of ``stall_ms`` asleep; ``busy_cores`` children that compute all the time, as a load for
    power sensors. ``work`` rounds of arithmetic per chunk: the same work every time, so that its time tells what
    disturbs it, where ``service_us`` is the same time.

    Outputs keep the contract's shapes whatever the chunk size.
    """

    runtime_version = "echo"
    runtime_build: Optional[str] = "echo, not a runtime"
    providers: Tuple[str, ...] = (PROVIDER,)
    errors: Tuple[Type[Exception], ...] = ()

    def __init__(self, spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str] = None) -> None:
        del model_path, profile_prefix
        if spec.provider != PROVIDER:
            raise Failure("provider-missing", f"the echo backend has only the provider echo, got {spec.provider!r}")
        options = _read_options(spec.session_options)
        contract = spec.contract
        self._service_ns = round(options["service_us"] * 1e3)
        self._sleep_ns = round(options["sleep_us"] * 1e3)
        self._stall_every = int(options["stall_every"])
        self._stall_s = options["stall_ms"] / 1e3
        self._steps, self._work = 0, range(int(options["work"]))
        self._exponents, self._powers = np.linspace(-1.0, 1.0, _NUMBERS), np.zeros(_NUMBERS)
        # They end with this process.
        start_busy(int(options["busy_cores"]))
        self.input: NDArray[Any] = np.zeros(contract.input_shape(spec.chunk_samples), contract.input.dtype)
        self.outputs: Tuple[NDArray[Any], ...] = tuple(np.zeros(o.shape, o.dtype) for o in contract.outputs)
        self._states = {s.input: np.full(s.shape, s.initial, s.dtype) for s in contract.states}
        self._initial = {s.input: s.initial for s in contract.states}

    def another(self) -> "EchoBackend":
        return copy.deepcopy(self)

    def first_run(self) -> None:
        self.step()
        self.reset()

    def bind(self) -> None:
        self.reset()

    def step(self) -> None:
        begun_ns = time.monotonic_ns()
        until_ns = begun_ns + self._sleep_ns + self._service_ns
        self._steps += 1
        source, target = self.input.reshape(-1), self.outputs[0].reshape(-1)
        count = min(len(source), len(target))
        target[:count] = source[:count]
        if self._stall_every and self._steps % self._stall_every == 0:
            time.sleep(self._stall_s)
        for _ in self._work:
            np.exp(self._exponents, self._powers)
        if self._sleep_ns:
            time.sleep(self._sleep_ns / 1e9)
        while time.monotonic_ns() < until_ns:
            pass

    def reset(self) -> None:
        self._steps = 0
        for name, state in self._states.items():
            state.fill(self._initial[name])

    def states(self) -> Dict[str, NDArray[Any]]:
        return dict(self._states)

    def end_profile(self) -> wire.Profile:
        return wire.Profile((wire.OperatorTime("Echo", PROVIDER, PROVIDER, max(1, self._steps)),))


def _read_options(given: Dict[str, str]) -> Dict[str, float]:
    values = dict.fromkeys(OPTIONS, 0.0)
    for name, text in given.items():
        if name not in values:
            raise Failure("model-load", f"unknown session option {name!r} of echo; known are {', '.join(OPTIONS)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise Failure("model-load", f"session option {name} must be a number, got {text!r}") from None
    return values
