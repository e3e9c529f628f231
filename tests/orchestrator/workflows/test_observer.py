"""The doctor measures what observing costs with the agent itself, on this machine, and tells it again later."""

import subprocess
from pathlib import Path

import pytest

from orchestrator.domain.observer import beside_share
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows import observer
from orchestrator.workflows.doctor import LOOK, Visit, visit_all
from orchestrator.workflows.observer import known_on_off
from orchestrator.workflows.progress import Silent


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fifth as long: what is measured here need not be precise."""
    monkeypatch.setattr(observer, "_RUN_S", 0.2)
    monkeypatch.setenv("HOME", str(tmp_path))


def visit(path: Path, *, measure: bool) -> Visit:
    (found,) = visit_all([find_device(load_lab(None), "local")], LOOK, Silent(), path, observer=measure)
    assert found.error is None, found.error
    return found


def said(of: Visit) -> str:
    (finding,) = (f for f in of.findings if f.check == "observer")
    return f"{finding.severity} {finding.seen} {finding.why}"


@pytest.mark.usefixtures("short")
def test_measured_once_and_told_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    measured = visit(path, measure=True)
    found = known_on_off(path, "local")
    assert found is not None
    assert len(found.on_ms) == len(found.off_ms) == observer.PAIRS
    assert min(found.on_ms + found.off_ms) > 0
    assert found.cost.sampler_cpu_s is not None
    assert found.cost.watchdog_cpu_s is not None
    assert 0 < (beside_share(found.cost) or 0.0) < 1
    assert found.cost.wall_s is not None
    assert found.chunk_ns is not None
    assert "pairs of runs" in said(measured)
    assert said(visit(path, measure=False)) == said(measured)
    left = subprocess.run(["find", str(tmp_path), "-path", "*sessions/observer-*"], capture_output=True, check=True)
    assert left.stdout == b"", "nothing of it stays on the device"


def test_without_a_ledger_nothing_is_known_and_none_is_made(tmp_path: Path) -> None:
    assert known_on_off(tmp_path / "ledger.db", "local") is None
    assert not (tmp_path / "ledger.db").exists()
