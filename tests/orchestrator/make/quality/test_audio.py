"""What is read is what was written; what cannot be used is told with its remedy, and the remedy works."""

import shlex
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from orchestrator.errors import BadAudio
from orchestrator.make.quality.audio import read_audio, write_wav

RATE = 16000


def tone(seconds: float = 0.5, rate: int = RATE) -> NDArray[np.int16]:
    t = np.arange(round(seconds * rate)) / rate
    return np.asarray(20000 * np.sin(2 * np.pi * 440 * t), dtype=np.int16)


def refused(path: Path) -> BadAudio:
    with pytest.raises(BadAudio) as caught:
        read_audio(path, RATE)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return caught.value


@given(hnp.arrays(np.int16, st.integers(1, 300)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wav_comes_back_bit_for_bit(tmp_path: Path, samples: NDArray[np.int16]) -> None:
    write_wav(tmp_path / "a.wav", samples, RATE)
    assert np.array_equal(read_audio(tmp_path / "a.wav", RATE), samples)


def test_flac_comes_back_bit_for_bit(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(), RATE, subtype="PCM_16")
    assert np.array_equal(read_audio(tmp_path / "a.flac", RATE), tone())


@pytest.mark.parametrize(("format", "subtype"), [("OGG", "OPUS"), ("OGG", "VORBIS")])
def test_lossy_formats_keep_level_and_length(tmp_path: Path, format: str, subtype: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, tone(), RATE, format=format, subtype=subtype)
    samples = read_audio(path, RATE)
    assert samples.shape == tone().shape
    assert np.std(samples) == pytest.approx(np.std(tone()), rel=0.02)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_finer_files_are_rounded_to_16_bits(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    exact = np.array([0.0, 0.4, 0.6, -0.6, 1000.0, 32767.0, -32768.0])
    soundfile.write(path, exact / 32768, RATE, subtype=subtype)
    assert read_audio(path, RATE).tolist() == [0, 0, 1, -1, 1000, 32767, -32768]


def test_float_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([1.5, -1.5]), RATE, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav", RATE).tolist() == [32767, -32768]


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, np.nan]), RATE, subtype="FLOAT")
    assert "NaN" in str(refused(tmp_path / "a.wav"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "there is no audio file" in str(refused(tmp_path / "absent.wav"))
    assert "is not a file" in str(refused(tmp_path))


@pytest.mark.parametrize("content", [b"", b"hello, I am a text", b"RIFF\x00\x00\x00\x00WAVE", bytes(200)])
def test_not_audio(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert "cannot be read as audio" in str(refused(path))


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, dtype=np.int16), RATE)
    assert "is empty" in str(refused(tmp_path / "a.wav"))


@pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW"])
def test_eight_bits(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype=subtype)
    assert f"must have 16 bits or more, got 8 ({subtype})" in str(refused(tmp_path / "a.wav"))


def test_wrong_rate(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(rate=8000), 8000)
    assert "must be at 16000 Hz, got 8000 Hz" in str(refused(tmp_path / "a.wav"))


def test_stereo_is_told_with_a_command_that_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "it's a take; $HOME.wav"
    soundfile.write(path, np.stack([tone(rate=44100)] * 2, axis=1), 44100)
    error = refused(path)
    assert "must be mono, got 2 channels" in str(error)
    command = shlex.split(str(error.hint).removeprefix("convert it with: "))
    target = tmp_path / "it's a take; $HOME-mono16000.wav"
    assert command[:3] == ["ffmpeg", "-i", str(path)]
    assert command[3:] == ["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", str(target)]
    if shutil.which("ffmpeg"):
        subprocess.run([command[0], "-v", "error", *command[1:]], check=True, stdin=subprocess.DEVNULL)
        assert len(read_audio(target, RATE)) == pytest.approx(len(tone()), abs=2)


def test_written_file_is_what_the_blob_says(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    blob = write_wav(path, tone(), RATE)
    assert blob == write_wav(tmp_path / "b.wav", tone(), RATE)
    assert blob.size_bytes == path.stat().st_size == 44 + 2 * len(tone())
    assert blob.suffix == ".wav"
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, RATE, len(tone()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="must be mono int16"):
        write_wav(path, np.zeros((2, 2), dtype=np.int16), RATE)
    with pytest.raises(wave.Error):
        write_wav(path, tone(), -1)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
