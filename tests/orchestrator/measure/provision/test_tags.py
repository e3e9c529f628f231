from dataclasses import replace

import packaging.tags
import pytest

from agents.environments.nouns import PythonFacts
from agents.environments.python_facts import python_facts
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.provision.tags import wheel_tags

HERE = python_facts()
BULLSEYE = replace(
    HERE, version=(3, 9, 2), soabi="cpython-39-aarch64-linux-gnu", machine="aarch64", libc="glibc", libc_version=(2, 31)
)


def test_for_this_python_they_are_those_that_packaging_finds_by_looking() -> None:
    found = wheel_tags("here", HERE)
    assert set(found.platforms) == set(packaging.tags.platform_tags())
    first = next(iter(packaging.tags.sys_tags()))
    assert (first.abi, first.interpreter) == (found.abi, found.abi)


def test_an_older_glibc_takes_only_older_wheels() -> None:
    found = wheel_tags("board", BULLSEYE)
    assert str(found) == "cp39-manylinux_2_31_aarch64"
    assert found.platforms[-3:] == ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64")
    assert "manylinux_2_34_aarch64" not in found.platforms


@pytest.mark.parametrize(
    ("change", "platform"),
    [
        ({"pointer_bits": 32}, "manylinux_2_31_armv7l"),
        ({"machine": "armv7l", "pointer_bits": 32}, "manylinux_2_31_armv7l"),
        ({"machine": "x86_64", "pointer_bits": 32}, "manylinux_2_31_i686"),
        ({"libc": "musl", "libc_version": (1, 2)}, "musllinux_1_2_aarch64"),
    ],
)
def test_the_user_land_and_the_c_library_decide(change: dict[str, object], platform: str) -> None:
    """A kernel of 64 bits may carry a Python of 32, as on many a Raspberry Pi."""
    assert wheel_tags("board", replace(BULLSEYE, **change)).platforms[0] == platform  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"system": "android"}, "is Android's"),
        ({"implementation": "pypy", "soabi": "pypy39-pp73"}, "is pypy pypy39-pp73"),
        ({"soabi": None}, "wheels are for CPython"),
        ({"libc": "unknown", "libc_version": (0, 0)}, "C library of board: unknown"),
    ],
)
def test_a_python_without_wheels_is_told_so(change: dict[str, object], reason: str) -> None:
    facts: PythonFacts = replace(BULLSEYE, **change)  # type: ignore[arg-type]
    with pytest.raises(DeviceNotReady, match=reason) as caught:
        wheel_tags("board", facts)
    assert caught.value.hint


def test_a_free_threaded_python_has_an_abi_of_its_own() -> None:
    assert wheel_tags("board", replace(BULLSEYE, soabi="cpython-313t-aarch64-linux-gnu")).abi == "cp313t"
