"""A look into the ledger without SQLAlchemy says free only where the ledger itself would."""

from pathlib import Path

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.ledger import health, leases
from orchestrator.ledger.glance import surely_free
from orchestrator.ledger.ledger import Ledger


def lease(device: str) -> Lease:
    return Lease(device, "of-a", 1, "a", None, "test", "2026-11-21T04:00:00Z", uptime.now())


def test_free_until_somebody_has_it_and_again_after(tmp_path: Path) -> None:
    path = tmp_path / "a folder?#" / "ledger.db"
    with Ledger.open(path) as ledger:
        assert surely_free(path, "pi5")
        taken = leases.acquire(ledger, lease("pi5"), uptime.now(), lambda process: False).lease
        assert not surely_free(path, "pi5")
        assert surely_free(path, "pi4")
        leases.release(ledger, taken)
        assert surely_free(path, "pi5")
    assert surely_free(path, "pi5")


def test_a_device_in_quarantine_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        health.quarantine(ledger, "pi5", "it smells")
        assert not surely_free(path, "pi5")
        health.release_quarantine(ledger, "pi5", "aired")
        assert surely_free(path, "pi5")


def test_in_doubt_it_is_not_free(tmp_path: Path) -> None:
    assert not surely_free(tmp_path / "none" / "ledger.db", "pi5")
    assert not (tmp_path / "none").exists()
    broken = tmp_path / "broken.db"
    broken.write_text("no ledger")
    assert not surely_free(broken, "pi5")
    assert not surely_free(tmp_path, "pi5")
    (tmp_path / "empty.db").touch()
    assert not surely_free(tmp_path / "empty.db", "pi5")
