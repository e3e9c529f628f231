"""Calibrations: all are kept, the newest that fits is taken; a ledger of schema 2 gets the table."""

import sqlite3
from pathlib import Path

import pytest

from agents.device_facts import DeviceState
from orchestrator.domain.calibration import Calibration, Noise
from orchestrator.errors import LedgerError
from orchestrator.ledger.calibrations import calibration_for, calibrations, record_calibration
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SCHEMA
from tests.orchestrator.ledger.ledger_samples import environment

NOISE = Noise(2.0, 0.02, 0.03, 10, 0.1, 1.002, 0.98, 1.02, 0.2, 0.4)


def calibration(number: int, device: str = "pi5", model: str = "kws", mode: str = "paced") -> Calibration:
    return Calibration(
        f"c{number}", device, f"2026-11-0{number}T00:00:00+00:00", model, "onnx:fp32 CPU 1t", mode, 5.0,
        environment(), DeviceState(governor="performance"), "onnxruntime", "1.20.0", {"rtf": NOISE},
    )  # fmt: skip


def test_the_newest_that_fits_is_taken(tmp_path: Path) -> None:
    first, second, other = calibration(1), calibration(2), calibration(3, model="digits-lstm")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for each in (other, second, first, calibration(4, mode="flat-out"), calibration(5, device="desk")):
            record_calibration(ledger, each)
        assert calibrations(ledger, "pi5")[:3] == [first, second, other]
        assert calibration_for(ledger, "pi5", "paced", "kws") == second
        assert calibration_for(ledger, "pi5", "paced", "silero") == other
        assert calibration_for(ledger, "jetson", "paced", "kws") is None
        with pytest.raises(LedgerError):
            record_calibration(ledger, first)


def test_a_ledger_of_schema_2_gets_the_table(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE calibrations; UPDATE ledger_schema SET version = 2;")
    connection.close()
    with Ledger.open(path) as ledger:
        record_calibration(ledger, calibration(1))
        assert calibrations(ledger) == [calibration(1)]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version FROM ledger_schema").fetchall() == [(SCHEMA,)]
    connection.close()


@pytest.mark.parametrize(("field", "value"), [("pairs", 1), ("between", float("nan")), ("paired", -0.1)])
def test_noise_that_cannot_be(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} must be"):
        Noise(**{**vars(NOISE), field: value})
