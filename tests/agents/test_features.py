"""The front ends: chunking changes nothing, and the frames are what the definition says."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.features import LogMel, Pcm, hann, hz_to_mel, make_frontend, mel_filters, mel_shape

RATE_HZ = 16_000
FRONT = Frontend("log-mel")


def noise(seed: int, count: int) -> NDArray[np.int16]:
    return np.asarray(np.random.default_rng(seed).standard_normal(count) * 3000, dtype=np.int16)


def pieces(samples: NDArray[Any], cuts: list[int]) -> list[NDArray[Any]]:
    edges = sorted({0, len(samples), *(c % (len(samples) + 1) for c in cuts)})
    return [samples[a:b] for a, b in pairwise(edges)]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6000),
    st.lists(st.integers(0, 10**6), max_size=30),
    st.booleans(),
    st.sampled_from([(400, 160, 512), (400, 100, 512), (320, 320, 320), (512, 160, 512), (10, 3, 16)]),
)
def test_any_chunking_gives_the_same_bits_as_the_whole_file(
    seed: int, count: int, cuts: list[int], as_float: bool, sizes: tuple[int, int, int]
) -> None:
    window, hop, fft = sizes
    front = Frontend("log-mel", window_samples=window, hop_samples=hop, fft_size=fft)
    samples: NDArray[Any] = noise(seed, count)
    if as_float:
        samples = (samples / np.float32(40000.0)).astype(np.float32)
    whole = LogMel(front, RATE_HZ).extract(samples)
    stream = LogMel(front, RATE_HZ)
    chunked = np.concatenate([stream.push(p) for p in pieces(samples, cuts)])
    assert chunked.shape == mel_shape(front, count)
    assert chunked.tobytes() == whole.tobytes()


def test_frames_match_their_definition_written_plainly() -> None:
    samples = noise(3, 4000)
    heard = np.concatenate([np.zeros(FRONT.window_samples), samples / 32768.0])
    filters = mel_filters(FRONT, RATE_HZ)
    frames = LogMel(FRONT, RATE_HZ).extract(samples)
    for t in (0, 1, 2, 11, 24):
        end = FRONT.window_samples + (t + 1) * FRONT.hop_samples
        window = heard[end - FRONT.window_samples : end] * hann(FRONT.window_samples)
        power = np.abs(np.fft.fft(window, FRONT.fft_size)[: FRONT.fft_size // 2 + 1]) ** 2
        expected = np.log(np.maximum(power @ filters, FRONT.log_floor))
        np.testing.assert_allclose(frames[t], expected, atol=1e-5)


def test_a_tone_is_loudest_in_the_band_that_holds_it_and_silence_is_the_floor() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 1000.0 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    edges = np.linspace(hz_to_mel(FRONT.low_hz), hz_to_mel(FRONT.high_hz), FRONT.mel_count + 2)
    nearest = int(np.abs(edges[1:-1] - hz_to_mel(1000.0)).argmin())
    assert LogMel(FRONT, RATE_HZ).extract(tone)[50].argmax() == nearest
    silent = LogMel(FRONT, RATE_HZ).extract(np.zeros(RATE_HZ, dtype=np.int16))
    assert silent == pytest.approx(math.log(FRONT.log_floor))


def test_filters_are_triangles_of_peak_one_that_hand_over_to_their_neighbour() -> None:
    filters = mel_filters(Frontend("log-mel", fft_size=16384), RATE_HZ)
    assert filters.max(axis=0) == pytest.approx(np.ones(FRONT.mel_count), abs=0.06)
    hz = np.arange(filters.shape[0]) * RATE_HZ / 16384
    inside = (hz > 100) & (hz < 6900)
    assert filters[inside].sum(axis=1) == pytest.approx(np.ones(int(inside.sum())))


def test_int16_and_the_same_samples_as_float_give_the_same_bits() -> None:
    samples = noise(4, 3200)
    as_float = (samples / np.float32(32768.0)).astype(np.float32)
    assert LogMel(FRONT, RATE_HZ).extract(samples).tobytes() == LogMel(FRONT, RATE_HZ).extract(as_float).tobytes()


def test_reset_forgets_what_was_heard() -> None:
    mel = LogMel(FRONT, RATE_HZ)
    first = mel.push(noise(5, 1000))
    mel.reset()
    assert mel.push(noise(5, 1000)).tobytes() == first.tobytes()


@pytest.mark.parametrize("bad", [np.zeros((2, 320), np.int16), np.zeros(320, np.float64), np.zeros(320, np.int32)])
def test_other_dtypes_and_shapes_are_refused(bad: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="mono int16 or float32"):
        LogMel(FRONT, RATE_HZ).push_into(bad, np.zeros((2, 40), np.float32))


def test_an_out_array_that_is_too_small_is_refused_before_anything_is_taken() -> None:
    mel, samples = LogMel(FRONT, RATE_HZ), noise(6, 480)
    with pytest.raises(ValueError, match="complete 3 frames, out holds 2"):
        mel.push_into(samples, np.zeros((2, 40), np.float32))
    assert mel.push(samples).tobytes() == LogMel(FRONT, RATE_HZ).extract(samples).tobytes()


def test_a_rate_too_low_for_the_highest_band_is_refused() -> None:
    with pytest.raises(ValueError, match="high_hz must be <= 4000"):
        LogMel(FRONT, 8000)


def contract(front: Frontend, shape: tuple[int, ...]) -> StreamContract:
    return StreamContract(
        model="m",
        sample_rate_hz=RATE_HZ,
        chunk_samples=320,
        allowed_chunk_samples=(320, 640),
        frontend=front,
        input=TensorSpec("x", shape),
        states=(StatePair("h", "h2", (1,)),),
        outputs=(TensorSpec("y", (1,)),),
    )


@pytest.mark.parametrize("chunk", [320, 640])
def test_front_ends_fill_the_input_shape_of_the_contract(chunk: int) -> None:
    samples = noise(7, chunk * 3)
    mel_contract = contract(FRONT, (1, 2, 40))
    out = np.zeros(mel_contract.input_shape(chunk), np.float32)
    mel = make_frontend(mel_contract)
    heard = []
    for k in range(3):
        assert mel.push_into(samples[k * chunk : (k + 1) * chunk], out) == chunk // 160
        heard.append(out[0].copy())
    assert np.concatenate(heard).tobytes() == LogMel(FRONT, RATE_HZ).extract(samples).tobytes()


@pytest.mark.parametrize("context", [0, 64, 500])
def test_pcm_puts_the_end_of_the_past_first(context: int) -> None:
    pcm_contract = contract(Frontend("pcm", context_samples=context), (1, context + 320))
    samples = noise(8, 960)
    padded = np.concatenate([np.zeros(context), samples / 32768.0]).astype(np.float32)
    out = np.zeros(pcm_contract.input_shape(), np.float32)
    pcm = make_frontend(pcm_contract)
    for k in range(3):
        assert pcm.push_into(samples[k * 320 : (k + 1) * 320], out) == 320
        assert out[0].tolist() == padded[k * 320 : k * 320 + context + 320].tolist()
    pcm.reset()
    pcm.push_into(samples[:320], out)
    assert out[0].tolist() == padded[: context + 320].tolist()


def test_pcm_refuses_an_out_array_of_another_size() -> None:
    with pytest.raises(ValueError, match="64 \\+ 320 samples, got 320"):
        Pcm(Frontend("pcm", context_samples=64)).push_into(noise(9, 320), np.zeros(320, np.float32))


def test_the_frames_of_a_known_signal_stay_what_they_were() -> None:
    """Figures from this implementation, so that a later change of the definition cannot pass unseen."""
    chirp = np.sin(2 * np.pi * (200.0 * np.arange(1600) / RATE_HZ + 9000.0 * (np.arange(1600) / RATE_HZ) ** 2))
    frames = LogMel(FRONT, RATE_HZ).extract((chirp * 0.25).astype(np.float32))
    assert frames[[3, 5, 9], [5, 12, 25]] == pytest.approx([-4.135, 3.339, -12.175], abs=2e-3)
