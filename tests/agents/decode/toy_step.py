"""A transducer's step in plain numpy, with seeded weights: small enough for every path to be counted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder, StatePair, StepContract, TensorSpec
from agents.decode.step_graph import Search, StepMemory

WIDTH, HIDDEN = 4, 4
LABELS = ("<blank>", "a", "b")


def step_contract(batch: int = 1, labels: int = len(LABELS)) -> StepContract:
    return StepContract(
        token=TensorSpec("token", (1,), "int64"),
        frame=TensorSpec("frame", (1, WIDTH)),
        states=(StatePair("h_in", "h_out", (1, HIDDEN)),),
        logits=TensorSpec("logits", (1, labels)),
        batch=batch,
    )


class ToyStep(StepMemory):
    """h' = tanh(embedding(token) + R h); logits = J (frame, h'). ``calls`` has the number of rows of each call."""

    def __init__(self, contract: StepContract, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        labels = contract.logits.shape[1]
        self._embedding = rng.normal(size=(labels, HIDDEN))
        self._recurrent = rng.normal(size=(HIDDEN, HIDDEN)) * 0.5
        self._joint = rng.normal(size=(WIDTH + HIDDEN, labels)) * 1.5
        super().__init__(contract)
        self.calls: list[int] = []

    def run(self, count: int) -> None:
        self.calls.append(count)
        logits, h = self.compute(self.tokens[:count], self.frames[:count], self.states_in["h_in"][:count])
        self.logits[:count], self.states_out["h_in"][:count] = logits, h

    def compute(
        self, tokens: NDArray[Any], frames: NDArray[Any], h: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        h = np.tanh(self._embedding[tokens] + h @ self._recurrent)
        return np.concatenate([frames, h], axis=1) @ self._joint, h


def toy_search(batch: int = 1, seed: int = 0) -> Search:
    contract = step_contract(batch)
    return Search(ToyStep(contract, seed), contract)


def decoder(**changes: Any) -> Decoder:
    return Decoder("rnnt", **{"labels": LABELS, "max_symbols": 3, **changes})


def frames(count: int, seed: int = 1) -> NDArray[np.float32]:
    """An encoder's output, shape (1, count, WIDTH)."""
    return np.random.default_rng(seed).normal(size=(1, count, WIDTH)).astype(np.float32)
