"""The second graph of a transducer in LiteRT, against the same arithmetic in numpy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.backends import litert_step, load_step
from agents.backends.litert import load_interpreter
from tests.agents.backends.test_step_graphs import BATCH, spec_of
from tests.agents.decode.toy_step import HIDDEN, LABELS, WIDTH
from tests.tflite import GraphFile

_RNG = np.random.default_rng(0)
EMBEDDING = _RNG.normal(size=(len(LABELS), HIDDEN)).astype(np.float32)
JOINT = _RNG.normal(size=(len(LABELS), HIDDEN)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """h' = embedding(token) + h; logits = J (frame + h')."""
    assert WIDTH == HIDDEN
    file = GraphFile()
    token = file.tensor("token", (BATCH,), kind="int64")
    frame, h = file.tensor("frame", (BATCH, WIDTH)), file.tensor("h", (BATCH, HIDDEN))
    embedding, joint = (file.tensor(n, v.shape, v) for n, v in (("embedding", EMBEDDING), ("joint", JOINT)))
    said, following = file.tensor("said", (BATCH, HIDDEN)), file.tensor("following", (BATCH, HIDDEN))
    both, logits = file.tensor("both", (BATCH, HIDDEN)), file.tensor("out", (BATCH, len(LABELS)))
    file.node("GATHER", (embedding, token), (said,))
    file.node("ADD", (said, h), (following,))
    file.node("ADD", (frame, following), (both,))
    file.node("FULLY_CONNECTED", (both, joint, -1), (logits,))
    inputs = {"token": token, "frame": frame, "h_in": h}
    made = tmp_path / "step.tflite"
    made.write_bytes(file.content(inputs, {"logits": logits, "h_out": following}))
    return made


def numpy_step(
    tokens: NDArray[Any], frames: NDArray[Any], h: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    following = EMBEDDING[tokens] + h
    return (frames + following) @ JOINT.T, following


def test_all_rows_are_what_numpy_gives(path: Path) -> None:
    step, rng = load_step("litert")(spec_of(path), str(path)), np.random.default_rng(1)
    for _ in range(3):
        step.tokens[:] = rng.integers(0, len(LABELS), BATCH)
        step.frames[:] = rng.normal(size=(BATCH, WIDTH))
        step.states_in["h_in"][:] = rng.normal(size=(BATCH, HIDDEN))
        logits, following = numpy_step(step.tokens, step.frames, step.states_in["h_in"])
        step.run(BATCH)
        np.testing.assert_allclose(step.logits, logits, atol=1e-5)
        np.testing.assert_allclose(step.states_out["h_in"], following, atol=1e-5)


def test_what_memory_held_is_not_looked_up_as_a_token(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run comes before any search has written a token."""

    def littered(*args: Any) -> Any:
        interpreter = load_interpreter(*args)
        for detail in interpreter.get_input_details():
            interpreter.tensor(detail["index"])()[:] = 2**20
        return interpreter

    monkeypatch.setattr(litert_step, "load_interpreter", littered)
    step = load_step("litert")(spec_of(path), str(path))
    assert not step.tokens.any()
