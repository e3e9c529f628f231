"""Revision codes as raspberrypi.com's documentation lists them."""

import re
from pathlib import Path

import pytest

from agents.probe.raspberry import Revision, decode, parse_cpuinfo_revision


# Codes of the documentation's own table.
@pytest.mark.parametrize(
    ("code", "model", "processor", "memory_mib"),
    [
        ("a02082", "Raspberry Pi 3 Model B Rev 1.2", "BCM2837", 1024),
        ("a020d3", "Raspberry Pi 3 Model B Plus Rev 1.3", "BCM2837", 1024),
        ("9020e1", "Raspberry Pi 3 Model A Plus Rev 1.1", "BCM2837", 512),
        ("902120", "Raspberry Pi Zero 2 W Rev 1.0", "BCM2837", 512),
        ("c03112", "Raspberry Pi 4 Model B Rev 1.2", "BCM2711", 4096),
        ("d04170", "Raspberry Pi 5 Model B Rev 1.0", "BCM2712", 8192),
        ("d041a0", "Raspberry Pi Compute Module 5 Lite Rev 1.0", "BCM2712", 8192),
    ],
)
def test_decode(code: str, model: str, processor: str, memory_mib: int) -> None:
    assert decode(code) == Revision(model, processor, memory_mib)


@pytest.mark.parametrize("code", ["000e", "", "xyz", "ffffff", "d04ff0", "f04170"])
def test_old_and_unknown_codes_say_nothing(code: str) -> None:
    assert decode(code) is None


def test_the_revision_of_the_board_is_not_that_of_a_core() -> None:
    cores = "processor\t: 0\nCPU revision\t: 3\n\n"
    assert parse_cpuinfo_revision(cores) is None
    assert parse_cpuinfo_revision(cores + "Revision\t: D03115\nSerial\t\t: 0\n") == "d03115"


SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
# The lines below the cores as Raspberry Pi's kernels write them: the model beside the code. Real ones where they are.
TAILS = [
    "Revision\t: b03114\nSerial\t\t: 0000000000000000\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
    "Revision\t: 902120\nSerial\t\t: 0000000000000000\nModel\t\t: Raspberry Pi Zero 2 W Rev 1.0\n",
    *(path.read_text() for name in ("rpi4", "rpi5") if (path := SAMPLES / f"{name}_cpuinfo.txt").exists()),
]


@pytest.mark.parametrize("text", TAILS)
def test_the_code_says_what_the_model_line_says(text: str) -> None:
    code = parse_cpuinfo_revision(text)
    assert code is not None
    decoded = decode(code)
    assert decoded is not None
    line = re.search(r"^Model\s*: (.*)$", text, re.MULTILINE)
    assert line is not None
    assert decoded.model == line.group(1)
