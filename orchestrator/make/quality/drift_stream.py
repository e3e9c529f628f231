"""The fp32 source and the artifact over the same chunks, side by side, and how far apart they are after each one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from orchestrator.domain.state_drift import FREE_RUNNING, TEACHER_FORCED, WITH_RESETS
from orchestrator.errors import BadModel, ExportFailed
from orchestrator.make.models.stepping import Feeds, Runnable, constant_feeds, initial_states

Float64 = NDArray[np.float64]
# Columns of ``DriftSeries.error`` and ``DriftSeries.reference``.
MAX_ABS, ERROR_POWER, PRODUCT, OWN_POWER = range(4)
PEAK, POWER = range(2)


@dataclass(frozen=True)
class DriftSeries:
    """Raw figures of each chunk, in float64.

    ``error[way]``, shape (chunks, tensors, 4): max |d|, sum d^2, sum reference * own, sum own^2. ``reference[way]``,
    shape (chunks, tensors, 2): max |value| and sum of squares of what that way is compared with: fp32, set anew at the
    same chunks where the artifact is. ``tensors``: (name, state or output), in the order of the second axis.
    """

    tensors: tuple[tuple[str, str], ...]
    error: dict[str, Float64]
    reference: dict[str, Float64]

    def arrays(self) -> dict[str, Float64]:
        """By names that a file may have."""
        named = {f"error-{way}": values for way, values in self.error.items()}
        return {**named, **{f"reference-{way}": values for way, values in self.reference.items()}}


def measure_drift(
    source: Runnable,
    artifact: Runnable,
    contract: StreamContract,
    inputs: Iterator[NDArray[Any]],
    chunks: int,
    resets: NDArray[np.bool_] | None,
    on_chunk: Callable[[int], None] = lambda k: None,
) -> DriftSeries:
    """Stream ``chunks`` inputs. ``resets`` None: the artifact is not run with resets.

    Raises BadModel where the source itself becomes NaN or infinite, ExportFailed where a graph does not run.
    """
    tensors = tensors_of(contract)
    ways = (TEACHER_FORCED, FREE_RUNNING) if resets is None else (TEACHER_FORCED, FREE_RUNNING, WITH_RESETS)
    error = {way: np.zeros((chunks, len(tensors), 4)) for way in ways}
    plain = np.zeros((chunks, len(tensors), 2))
    reference = {TEACHER_FORCED: plain, FREE_RUNNING: plain}
    if resets is not None:
        reference[WITH_RESETS] = np.zeros_like(plain)
    truth, free = Stepper(source, contract, "the fp32 source"), Stepper(artifact, contract, "the artifact")
    truth_reset, free_reset = Stepper(source, contract, truth.name), Stepper(artifact, contract, free.name)
    for k, values in zip(range(chunks), inputs, strict=False):
        before = truth.states
        wanted = truth.step(values)
        _require_finite(wanted, tensors, k)
        _measure(wanted, free.from_states(values, before), plain[k], error[TEACHER_FORCED][k])
        _measure(wanted, free.step(values), plain[k], error[FREE_RUNNING][k])
        if resets is not None:
            if resets[k]:
                truth_reset.reset()
                free_reset.reset()
            wanted = truth_reset.step(values)
            _measure(wanted, free_reset.step(values), reference[WITH_RESETS][k], error[WITH_RESETS][k])
        on_chunk(k)
    return DriftSeries(tensors, error, reference)


def tensors_of(contract: StreamContract) -> tuple[tuple[str, str], ...]:
    """(name, state or output) in the order of what a step gives."""
    return (*((o.name, "output") for o in contract.outputs), *((s.output, "state") for s in contract.states))


@dataclass
class Stepper:
    """A graph with the state that it carries. ``name``: for errors."""

    graph: Runnable
    contract: StreamContract
    name: str
    states: Feeds = field(init=False)

    def __post_init__(self) -> None:
        self._names = [name for name, _ in tensors_of(self.contract)]
        self._constants = constant_feeds(self.contract)
        self.reset()

    def reset(self) -> None:
        self.states = initial_states(self.contract)

    def step(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs, then new states; those are carried."""
        found = self.from_states(values, self.states)
        new = found[len(self.contract.outputs) :]
        self.states = {s.input: value for s, value in zip(self.contract.states, new, strict=True)}
        return found

    def from_states(self, values: NDArray[Any], states: Feeds) -> list[NDArray[Any]]:
        """The same from other states; what is carried stays as it is."""
        try:
            return self.graph.run(self._names, {self.contract.input.name: values, **states, **self._constants})
        except Exception as exc:  # onnxruntime's errors share no base class of their own
            said = str(exc).strip().splitlines()
            raise ExportFailed(f"{self.name} does not run: {said[0][:300] if said else type(exc).__name__}") from exc


def _require_finite(wanted: list[NDArray[Any]], tensors: tuple[tuple[str, str], ...], k: int) -> None:
    for (name, kind), value in zip(tensors, wanted, strict=True):
        # A sum is finite only where all is, and is quicker to look at than each element.
        if not np.isfinite(value.sum(dtype=np.float64)):
            raise BadModel(
                f"{kind} {name} of the fp32 source is not finite in chunk {k}, so nothing can be compared with it",
                hint="listen to the audio there, and check the model's contract and weights",
            )


def _measure(wanted: list[NDArray[Any]], got: list[NDArray[Any]], reference: Float64, error: Float64) -> None:
    with np.errstate(all="ignore"):  # What is not finite is told by the figures.
        for i, (truth, own) in enumerate(zip(wanted, got, strict=True)):
            a = np.ravel(truth).astype(np.float64)
            b = np.ravel(own).astype(np.float64)
            d = b - a
            reference[i] = max(a.max(), -a.min()), a @ a
            error[i] = max(d.max(), -d.min()) if d.size else 0.0, d @ d, a @ b, b @ b
