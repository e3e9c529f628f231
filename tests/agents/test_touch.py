from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Frontend, Key, StatePair, StreamContract, TensorSpec
from agents.features import make_frontend
from agents.touch import MOTION_FEATURES, ORIGIN, UNITS_PER_WIDTH, Touch, encode

# Three keys in a row, a fourth below the second.
KEYS = (Key("a", 0.1, 0.1), Key("b", 0.2, 0.1), Key("c", 0.3, 0.1), Key("d", 0.2, 0.25))
FRONTEND = Frontend("touch", hop_samples=2, keys=KEYS)
X, Y, DX, DY, SPEED, SINE, COSINE, TOUCHED = range(MOTION_FEATURES)
NEAR = MOTION_FEATURES


def features(samples: NDArray[np.int16], front: Touch | None = None) -> NDArray[np.float32]:
    front = front or Touch(FRONTEND)
    out = np.full((1, len(samples) // 2, front.width), np.nan, dtype=np.float32)
    assert front.push_into(samples, out) == len(samples) // 2
    return out[0]


def path(*points: tuple[float, float]) -> NDArray[np.int16]:
    return encode(np.array(points))


def test_points_are_kept_to_a_sixteen_thousandth_of_the_keyboard() -> None:
    points = np.random.default_rng(0).uniform(-0.2, 1.7, (100, 2))
    back = (encode(points).reshape(-1, 2).astype(np.float64) - ORIGIN) / UNITS_PER_WIDTH
    assert np.abs(back - points).max() <= 0.5 / UNITS_PER_WIDTH


def test_a_point_beyond_what_fits_is_at_the_edge_and_never_a_lifted_finger() -> None:
    assert encode(np.array([[-3.0, 0.0], [9.0, 0.0]])).tolist() == [1, ORIGIN, 32767, ORIGIN]


def test_a_key_is_near_itself_and_little_to_its_neighbour() -> None:
    seen = features(path((0.1, 0.1), (0.2, 0.25)))
    assert seen[0, NEAR] == pytest.approx(1.0, abs=1e-4)
    assert 0.05 < seen[0, NEAR + 1] < 0.1
    assert seen[0, NEAR + 2] < 0.01
    assert seen[1, NEAR:].argmax() == 3


def test_position_spans_the_keys() -> None:
    seen = features(path((0.1, 0.1), (0.3, 0.25)))
    assert seen[:, [X, Y]] == pytest.approx(np.array([[-1, -1], [1, 1]]), abs=1e-3)


def test_a_step_is_told_in_keys_and_its_length_as_on_the_screen() -> None:
    seen = features(path((0.1, 0.1), (0.14, 0.1), (0.14, 0.16)))
    assert seen[0, [DX, DY, SPEED]].tolist() == [0, 0, 0]
    assert seen[1, [DX, DY, SPEED]] == pytest.approx([4, 0, 4], abs=0.01)
    assert seen[2, [DX, DY, SPEED]] == pytest.approx([0, 4, 6], abs=0.01)


@pytest.mark.parametrize(
    ("last", "sine", "cosine"), [((0.22, 0.1), 0, 1), ((0.16, 0.16), 1, 0), ((0.16, 0.04), -1, 0), ((0.1, 0.1), 0, -1)]
)
def test_a_turn_is_told_by_its_sine_and_cosine(last: tuple[float, float], sine: float, cosine: float) -> None:
    seen = features(path((0.1, 0.1), (0.16, 0.1), last))
    assert seen[1, [SINE, COSINE]].tolist() == [0, 0]
    assert seen[2, [SINE, COSINE]] == pytest.approx([sine, cosine], abs=0.01)


def test_a_finger_that_rests_has_no_direction() -> None:
    seen = features(path((0.2, 0.1), (0.2002, 0.1), (0.2, 0.1)))
    assert np.abs(seen[2, [SINE, COSINE]]).max() < 0.05


def test_nothing_that_touches_is_zeros_and_the_next_touch_has_no_past() -> None:
    lifted = np.zeros(4, dtype=np.int16)
    seen = features(np.concatenate([path((0.1, 0.1)), lifted, path((0.3, 0.1), (0.3, 0.1))]))
    assert not seen[1:3].any()
    assert seen[:, TOUCHED].tolist() == [1, 0, 0, 1, 1]
    assert seen[3, [DX, DY, SPEED, SINE, COSINE]].tolist() == [0] * 5


def swipe(points: int = 90) -> NDArray[np.int16]:
    way = np.cumsum(np.random.default_rng(3).normal(0.0, 0.02, (points, 2)), axis=0) + 0.3
    samples = encode(way).reshape(-1, 2)
    samples[:5] = samples[40:43] = samples[-7:] = 0
    return samples.reshape(-1)


@pytest.mark.parametrize("points", [1, 2, 3, 16, 31])
def test_chunks_give_what_the_whole_gives_bit_for_bit(points: int) -> None:
    whole = features(swipe())
    front = Touch(FRONTEND)
    parts = [features(swipe()[at : at + 2 * points], front) for at in range(0, len(swipe()), 2 * points)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_reset_begins_afresh() -> None:
    front = Touch(FRONTEND)
    features(path((0.1, 0.1), (0.2, 0.2)), front)
    front.reset()
    assert front.phase == "idle"
    assert np.array_equal(features(swipe(), front), features(swipe()))


def test_the_phase_follows_the_finger() -> None:
    front, nothing, touch = Touch(FRONTEND), np.zeros(4, dtype=np.int16), path((0.1, 0.1))
    seen = []
    for samples in (nothing, np.concatenate([nothing, touch]), touch, np.concatenate([touch, nothing])):
        features(samples, front)
        seen.append(front.phase)
    assert seen == ["idle", "down", "down", "lifted"]
    front.reset()
    features(np.concatenate([nothing, touch, nothing]), front)
    assert front.phase == "lifted"
    features(nothing, front)
    assert front.phase == "lifted"


@pytest.mark.parametrize(
    ("samples", "points", "wanted"),
    [
        (np.zeros(4, dtype=np.float32), 2, "pairs of int16, got float32"),
        (np.zeros(5, dtype=np.int16), 3, "pairs of int16"),
        (np.zeros(8, dtype=np.int16), 3, "8 samples are 4 points, out holds 3"),
    ],
)
def test_what_is_no_trace_is_told(samples: NDArray[Any], points: int, wanted: str) -> None:
    front = Touch(FRONTEND)
    with pytest.raises(ValueError, match=wanted):
        front.push_into(samples, np.zeros((points, front.width), dtype=np.float32))


def test_a_contract_names_it_with_its_keys() -> None:
    contract = StreamContract(
        model="swipes",
        sample_rate_hz=200,
        chunk_samples=32,
        allowed_chunk_samples=(32,),
        frontend=FRONTEND,
        input=TensorSpec("touches", (1, 16, MOTION_FEATURES + len(KEYS))),
        states=(StatePair("past_in", "past_out", (1, 1)),),
        outputs=(TensorSpec("out", (1, 4, 8)),),
    )
    front = make_frontend(contract)
    assert isinstance(front, Touch)
    assert contract.input_shape() == (1, 16, front.width)


def test_a_touch_front_end_needs_keys_and_no_other_has_any() -> None:
    with pytest.raises(ValueError, match="keys belong to the touch frontend"):
        Frontend("touch", hop_samples=2)
    with pytest.raises(ValueError, match="keys belong to the touch frontend"):
        Frontend("pcm", keys=KEYS)
