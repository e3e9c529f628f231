"""Policies and traces as they are asked for."""

from pathlib import Path

import pytest

from agents import wire
from orchestrator.errors import BadInput
from orchestrator.workflows.arriving import Arriving, read_trace
from tests.sessions import CHUNK_SAMPLES, CONTRACT

BLOB = wire.Blob("0" * 64, 0, ".onnx")
SPEC = wire.RunSpec("s", "paced", "echo", "echo", BLOB, CONTRACT, BLOB, CHUNK_SAMPLES, chunk_count=5)


def test_it_is_in_the_spec() -> None:
    spec = Arriving("drop-oldest", 3, (0, 1_500_000)).applied(SPEC)
    assert (spec.policy, spec.ring_chunks, spec.arrival_offsets_ns) == ("drop-oldest", 3, (0, 1_500_000))


def test_a_trace_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mic.txt"
    path.write_text("# ms\n0\n1.5\n\n-0.25\n")
    assert read_trace(path) == (0, 1_500_000, -250_000)


@pytest.mark.parametrize("text", ["1 2", "nan", "inf", "late"])
def test_what_is_no_trace(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mic.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match="is no trace of arrivals"):
        read_trace(path)
    with pytest.raises(BadInput, match="cannot read the trace"):
        read_trace(tmp_path / "none")


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(BadInput, match="policy must be one of catch-up, block, drop-oldest, drop-newest, got 'drop'"):
        Arriving("drop")
    with pytest.raises(BadInput, match="must hold 1 chunk or more, got 0"):
        Arriving(ring_chunks=0)
    with pytest.raises(BadInput, match="must not run backwards"):
        Arriving(offsets_ns=(50_000_000, 0)).applied(SPEC)
