import dataclasses

import numpy as np
import pytest

from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.features import make_frontend
from agents.tokens import LARGEST_ID, encode

CONTRACT = StreamContract(
    model="lm",
    sample_rate_hz=20,
    chunk_samples=2,
    allowed_chunk_samples=(2, 8),
    frontend=Frontend("tokens", hop_samples=2),
    input=TensorSpec("token", (1, 1), "int64"),
    states=(StatePair("keys", "keys_out", (2, 2, 8, 4)),),
    outputs=(TensorSpec("logits", (1, 1, 512)),),
)
IDS = [0, 1, 32767, 32768, 151_935, LARGEST_ID]


def test_tokens_come_out_as_they_went_in() -> None:
    samples = encode(IDS)
    assert samples.dtype == np.int16
    assert (samples >= 0).all()
    frontend = make_frontend(CONTRACT)
    out = np.empty(CONTRACT.input_shape(2), np.float32)
    found = []
    for start in range(0, len(samples), 2):
        assert frontend.push_into(samples[start : start + 2], out) == 1
        found.append(int(out.astype(np.int64)[0, 0]))
    assert found == IDS


def test_several_tokens_a_chunk() -> None:
    out = np.empty(CONTRACT.input_shape(8), np.float32)
    make_frontend(CONTRACT).push_into(encode(IDS[:4]), out)
    assert out.astype(np.int64).tolist() == [IDS[:4]]


@pytest.mark.parametrize("ids", [[-1], [LARGEST_ID + 1]])
def test_ids_that_do_not_fit_are_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match=f"must be in 0..{LARGEST_ID}"):
        encode(ids)


def test_half_a_token_and_another_size_are_refused() -> None:
    frontend = make_frontend(CONTRACT)
    with pytest.raises(ValueError, match="pairs of int16"):
        frontend.push_into(np.zeros(3, np.int16), np.empty((1, 1), np.float32))
    with pytest.raises(ValueError, match="out holds 1"):
        frontend.push_into(np.zeros(4, np.int16), np.empty((1, 1), np.float32))
    with pytest.raises(ValueError, match="a token is 2 samples"):
        make_frontend(dataclasses.replace(CONTRACT, frontend=Frontend("tokens", hop_samples=1)))
