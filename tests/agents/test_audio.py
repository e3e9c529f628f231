"""A recording is read in pieces: what is not heard takes no memory, which is a figure of the model."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import stream, wire
from agents.audio import Recording, open_recording
from agents.failure import Failure
from tests.agents.device import CHUNK, RATE_HZ, Device, samples, wav_bytes

SECONDS = 3.0


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds: several blocks."""
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    wav_bytes(path, samples(SECONDS))
    return path


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    with closing(open_recording(str(path), RATE_HZ, "a.wav")) as recording:
        yield recording


@given(start=st.integers(0, 60_000), count=st.integers(0, 60_000))
def test_any_piece_is_that_piece(wav: Path, start: int, count: int) -> None:
    with opened(wav) as recording:
        piece = recording.read(start, count)
    assert piece.dtype == np.int16
    assert piece.tolist() == samples(SECONDS)[start : start + count].tolist()


def test_a_file_cut_short_gives_what_is_there(wav: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav.read_bytes()[: 44 + 2 * 20_000 + 1])
    with opened(cut) as recording:
        assert recording.read(0, 48_000).tolist() == samples(SECONDS)[:20_000].tolist()
        assert recording.read(30_000, 100).tolist() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 2}, "mono, got 2 channels in a.wav"),
        ({"width": 1}, "16-bit, got 8 bits in a.wav"),
        ({"rate": 8000}, "16000 Hz, got 8000 Hz in a.wav"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, change: dict[str, int], message: str) -> None:
    path = tmp_path / "a.wav"
    wav_bytes(path, samples(0.1), **change)
    with pytest.raises(Failure, match=message) as failed:
        open_recording(str(path), RATE_HZ, "a.wav")
    assert failed.value.kind == "audio"


def test_reading_a_little_of_much_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    wav_bytes(path, np.ones(20_000_000, np.int16))
    span = wire.Span(19_000_000, 100_000)
    tracemalloc.start()
    try:
        with opened(path) as recording:
            assert len(stream.span_chunks(recording.read, span, CHUNK)) == 625
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The span, and the same padded to whole chunks, of 40 MB.
    assert peak_bytes < 2 * 200_000 + 300_000


@pytest.mark.parametrize("mode", ["flat-out", "paced"])
def test_the_audio_that_is_not_heard_is_not_in_the_steady_peak(device: Device, mode: str) -> None:
    wav = wav_bytes(device.root / "long.wav", np.ones(30_000_000, np.int16))
    result = device.run(device.spec(mode=mode, audio=device.put(wav, ".wav"))).result
    peaks = {memory.phase: memory.peak_bytes for memory in result.memory}
    if result.memory[-1].method != "hwm-reset":
        pytest.skip("this kernel does not let a process reset its peak")
    first_run, steady = peaks["first-run"], peaks["steady"]
    assert first_run is not None
    assert steady is not None
    # The WAV has 60 MB.
    assert steady - first_run < 15_000_000
