"""What was decoded once is not decoded again, as long as it is the very same file."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrator.errors import BadAudio
from orchestrator.make.quality import decoded as module
from orchestrator.make.quality.decoded import decoded

RATE = 16000


def recording(path: Path, seed: int = 0) -> Path:
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, RATE), RATE, format="OGG", subtype="OPUS")
    return path


@pytest.fixture
def never_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, sample_rate_hz: int) -> None:
        raise AssertionError(f"{path} was decoded again")

    monkeypatch.setattr(module, "read_audio", fail)


def test_the_same_samples_without_decoding(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path, kept = recording(tmp_path / "a.opus"), tmp_path / "kept"
    first = decoded(path, RATE, kept)
    request.getfixturevalue("never_decoded_again")
    assert np.array_equal(decoded(path, RATE, kept), first)
    assert [p.suffix for p in kept.iterdir()] == [".npy"]


def test_another_file_under_the_same_name_is_decoded(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = decoded(recording(tmp_path / "a.opus"), RATE, kept)
    assert not np.array_equal(decoded(recording(tmp_path / "a.opus", seed=1), RATE, kept), first)


def test_a_damaged_copy_is_not_used(tmp_path: Path) -> None:
    path, kept = recording(tmp_path / "a.opus"), tmp_path / "kept"
    first = decoded(path, RATE, kept)
    (copy,) = kept.iterdir()
    copy.write_bytes(copy.read_bytes()[:-100])
    assert np.array_equal(decoded(path, RATE, kept), first)


def test_a_file_that_cannot_be_read_is_told_as_before(tmp_path: Path) -> None:
    (tmp_path / "a.opus").write_bytes(b"no audio")
    with pytest.raises(BadAudio, match="cannot be read as audio"):
        decoded(tmp_path / "a.opus", RATE, tmp_path / "kept")
    with pytest.raises(BadAudio, match="there is no audio file"):
        decoded(tmp_path / "b.opus", RATE, tmp_path / "kept")
