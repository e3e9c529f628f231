"""Programs read from their files, also from damaged ones."""

from pathlib import Path

import numpy as np
import pytest

from agents.pte_file import MalformedPte, PteInstruction, PteTensor, read_pte
from tests.pte import leaky_pte


def written(folder: Path, content: bytes) -> str:
    path = folder / "model.pte"
    path.write_bytes(content)
    return str(path)


def test_tensors_kernels_and_delegates_are_told(tmp_path: Path) -> None:
    program = read_pte(written(tmp_path, leaky_pte()))
    state = PteTensor("float32", (1, 8))
    assert (program.method, program.inputs) == ("forward", (PteTensor("float32", (1, 160)), state))
    assert program.outputs == (state, state)
    assert (program.backends, program.operators) == (("XnnpackBackend",), ("aten::mean.out",))
    assert program.instructions == (PteInstruction("aten::mean.out"), PteInstruction(backend="XnnpackBackend"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not with the mark"),
        (b"PK\x03\x04 a zip file", "not with the mark"),
        (leaky_pte()[:600], "cut off or damaged"),
        (leaky_pte()[:8], "cut off or damaged"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(MalformedPte, match=why):
        read_pte(written(tmp_path, content))


def test_damage_never_leads_outside_of_the_file(tmp_path: Path) -> None:
    rng, whole = np.random.default_rng(5), leaky_pte()
    refused = 0
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(8, len(content), 12):
            content[place] = int(rng.integers(256))
        try:
            read_pte(written(tmp_path, bytes(content)))
        except MalformedPte:
            refused += 1
    assert refused > 0
