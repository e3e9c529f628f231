"""``earshot power``: what cannot be calibrated is refused with what to do, and nothing is kept."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.orchestrator.cli.command import BAD_INPUT, LEDGER, assert_refused, earshot, rows

METER = f"kind = 'command', argv = [{sys.executable!r}, '-c', 'print(1)']"


def calibrate(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    (home / "lab.toml").write_text('[devices.bench]\ntransport = "local"\n')
    place = ("--device", "bench", "--lab", str(home / "lab.toml"), "--results", str(home / "results"))
    return earshot("power", "calibrate", *place, *words, home=home)


@pytest.mark.parametrize(
    ("words", "code", "said", "then"),
    [
        (("--reference", "oscilloscope"), BAD_INPUT, "kind must be one of", "power-meter.md"),
        (("--reference", "kind = command"), BAD_INPUT, "is no meter's table", "power-meter.md"),
        (("--reference", "monsoon"), BAD_INPUT, "port", "power-meter.md"),
        (("--reference", METER, "--seconds", "0"), BAD_INPUT, "seconds must be > 0", "earshot power calibrate --help"),
        (("--reference", METER, "--sensor", "pmic.5V"), BAD_INPUT, "bench has no power sensor 'pmic.5V'", "it has"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], code: int, said: str, then: str, tmp_path: Path) -> None:
    done = calibrate(tmp_path, *words)
    assert_refused(done, code, said, then=then)
    if (tmp_path / "results/ledger.db").exists():
        assert rows(tmp_path / "results", "select count(*) from power_calibrations") == [(0,)]


def test_a_list_without_a_ledger_says_so(tmp_path: Path) -> None:
    done = earshot("power", "list", "--results", str(tmp_path / "none"), home=tmp_path)
    assert_refused(done, LEDGER, "there is no ledger", then="--results")
