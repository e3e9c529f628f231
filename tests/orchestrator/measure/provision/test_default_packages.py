"""LiteRT comes with the default environment wherever there are wheels of it."""

from dataclasses import replace

import pytest

from agents.environments.nouns import PythonFacts
from agents.environments.python_facts import python_facts
from orchestrator.measure.provision.default_packages import DEFAULT_PACKAGES, that_fit

HERE = replace(python_facts(), machine="aarch64", pointer_bits=64, libc="glibc", libc_version=(2, 31))


@pytest.mark.parametrize(
    ("python", "fits"),
    [
        (HERE, True),
        (replace(HERE, machine="x86_64"), True),
        (replace(HERE, pointer_bits=32), False),
        (replace(HERE, machine="armv7l", pointer_bits=32), False),
        (replace(HERE, libc="musl", libc_version=(1, 2)), False),
    ],
)
def test_litert_where_it_can_be(python: PythonFacts, fits: bool) -> None:
    assert that_fit(DEFAULT_PACKAGES, python) == (DEFAULT_PACKAGES if fits else ("numpy", "onnxruntime"))


def test_what_a_lab_file_names_stays() -> None:
    alone = ("ai-edge-litert==2.1.0", "numpy")
    assert that_fit(alone, replace(HERE, libc="musl")) == alone
