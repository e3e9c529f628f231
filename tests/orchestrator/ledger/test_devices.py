"""Which models of device a name has stood for."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.ledger.devices import models_of
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.ledger.ledger_samples import artifact, planned, session, study

pytestmark = pytest.mark.usefixtures("both_stores")


def test_models_under_a_name_the_newest_last(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"x")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert models_of(ledger, "local") == []
        ledger.begin_study(study())
        ledger.record_artifact(artifact(tmp_path / "a.onnx"))
        for block, (model, minute) in enumerate([("pixel-8", 1), ("sm-s911b", 2), ("pixel-8", 3)]):
            one = session(planned(block=block), seed=block)
            shown = replace(one.environment, device_model=model)
            ledger.record_session(replace(one, environment=shown, started_utc=f"2026-11-21T04:0{minute}:00Z"))
        assert models_of(ledger, "local") == ["sm-s911b", "pixel-8"]
        assert models_of(ledger, "another") == []
