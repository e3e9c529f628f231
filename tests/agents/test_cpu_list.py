"""Sets of CPUs as the kernel writes them (cpuset(7))."""

import pytest

from agents.cpu_list import cpu_list, parse_cpu_list


@pytest.mark.parametrize(("text", "cpus"), [("0-3,5\n", [0, 1, 2, 3, 5]), ("0", [0]), ("", []), ("7,4-5,5", [4, 5, 7])])
def test_what_the_kernel_writes_is_read(text: str, cpus: list[int]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["a", "1-", "-1", "0:3"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_cpu_list(text)


@pytest.mark.parametrize(
    ("cpus", "text"), [((0, 1, 2, 3, 5), "0-3,5"), ((5, 4), "4-5"), ((7,), "7"), ((), ""), ((0, 2, 4), "0,2,4")]
)
def test_as_the_kernel_would_write_it(cpus: tuple[int, ...], text: str) -> None:
    assert cpu_list(cpus) == text
    assert parse_cpu_list(text) == sorted(cpus)
