"""``earshot devices setup --python-archive`` from a board that has no Python at all to a session on it."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.standin import StandIn
from tests.hosts import require_program
from tests.lab.fixtures import MakeStandIn, make_standin
from tests.orchestrator.cli.lab_command import LabCommand
from tests.pythons import python_archive

__all__ = ["make_standin", "python_archive"]


class Bench(LabCommand):
    """A board with no Python in its PATH, a lab file with it, and the command on this side."""

    def __init__(self, folder: Path, board: StandIn) -> None:
        super().__init__(folder)
        self.board = board
        self.write_lab()

    def write_lab(self, **more: str) -> None:
        device = replace(self.board.device, python=None, **more)  # type: ignore[arg-type]
        (self.folder / "lab.toml").write_text(lab_text([device]))


@pytest.fixture
def bench(tmp_path: Path, make_standin: MakeStandIn) -> Bench:
    for name in ("dropbear", "busybox"):
        require_program(name)
    return Bench(tmp_path, make_standin("orin-nano"))


def test_from_no_python_to_a_session(bench: Bench, python_archive: Path) -> None:
    setup = ("devices", "setup", "orin-nano", "--python-archive", str(python_archive))
    planned = bench.earshot(*setup, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert f"Python {sys.version_info[0]}.{sys.version_info[1]} for orin-nano from {python_archive}" in planned.stdout
    assert "leave out --dry-run" in planned.stderr
    assert bench.board.host.run(["ls", "-A", "/home/nvidia"]).split() == [".ssh"]

    done = bench.said(*setup)
    assert done["installed_python"]["bytes_sent"] > 1_000_000
    assert done["python"]["base"] == done["installed_python"]["python"]
    (made,) = done["made"]
    again = bench.said(*setup)
    assert (again["installed_python"], again["made"]) == (None, [])

    run = bench.said("run", "mini", "--device", "orin-nano", "--mode", "flat-out", "--seconds", "1")
    with Ledger.open(bench.folder / "earshot-results" / "ledger.db") as ledger:
        session = ledger.session(run["session"])
        assert session is not None
        assert session.environment.python_environment == f"default-{made['environment']['id']}"

    cleaned = bench.earshot("devices", "clean", "orin-nano", "--environments=all", "--python")
    assert cleaned.returncode == 0, cleaned.stderr
    assert f"pythons/{done['installed_python']['id']}" in cleaned.stdout


def test_an_archive_in_the_lab_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "page.tar.gz").write_text("<html>")
    bench.write_lab(python_archive="page.tar.gz")
    refused = bench.earshot("devices", "setup", "orin-nano")
    assert (refused.returncode, f"{tmp_path / 'page.tar.gz'} is no archive" in refused.stderr) == (2, True)
    assert "Traceback" not in refused.stderr
    text = (tmp_path / "lab.toml").read_text()
    (tmp_path / "lab.toml").write_text(text + 'python = "/usr/bin/python3"\n')
    refused = bench.earshot("devices", "setup", "orin-nano")
    assert "python_archive is of no use beside python" in refused.stderr
    bench.write_lab()
    (tmp_path / "lab.toml").write_text((tmp_path / "lab.toml").read_text() + 'python = "/usr/bin/python3"\n')
    refused = bench.earshot("devices", "setup", "orin-nano", "--python-archive", "page.tar.gz")
    assert (refused.returncode, "another one would not be used" in refused.stderr) == (2, True)
