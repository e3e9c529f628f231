"""``earshot devices setup`` against a bare Python behind sshd: the real wheels, and a session in what was made."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from tests.hosts import MakeHost, SshHost, lab_text, make_ssh_host
from tests.orchestrator.cli.lab_command import LabCommand

__all__ = ["make_ssh_host"]


class Bench(LabCommand):
    """A device with a Python that has no package at all, and the command on this side."""

    def __init__(self, folder: Path, host: SshHost) -> None:
        super().__init__(folder)
        self.host = host
        python = folder / "bare"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
        self.python = python / "bin" / "python"
        self.write_lab()

    def write_lab(self, more: str = "") -> None:
        text = lab_text(self.host, root=self.root).replace(sys.executable, str(self.python))
        (self.folder / "lab.toml").write_text(text + more)

    @property
    def root(self) -> Path:
        return self.folder / "device"

    def tree(self) -> dict[str, int]:
        """Every file of the environments, with the time when it was written."""
        files = (self.root / "environments").rglob("*")
        return {str(p): p.lstat().st_mtime_ns for p in files if "__pycache__" not in p.parts}


@pytest.fixture
def bench(tmp_path: Path, make_ssh_host: MakeHost) -> Bench:
    return Bench(tmp_path, make_ssh_host())


def test_from_a_bare_python_to_a_session(bench: Bench) -> None:
    refused = bench.earshot("devices", "probe", "device")
    assert refused.returncode == 5
    assert "no numpy for" in refused.stderr
    assert "earshot devices setup device" in refused.stderr

    planned = bench.said("devices", "setup", "device", "--dry-run")
    (plan,) = planned["plans"]
    assert (plan["name"], plan["reason"], planned["made"]) == ("default", "it is not there", [])
    assert {"numpy", "onnxruntime"} <= {w["wheel"]["file"].split("-")[0] for w in plan["wheels"]}
    assert not (bench.root / "environments").exists()

    (made,) = bench.said("devices", "setup", "device")["made"]
    assert made["bytes_sent"] == plan["absent_bytes"] > 10_000_000
    assert {"ai_edge_litert", "numpy", "onnxruntime"} == set(made["environment"]["imported"])
    before = bench.tree()
    again = bench.said("devices", "setup", "device")
    assert (again["made"], again["plans"][0]["reason"], again["plans"][0]["wheels"]) == ([], "it is there", [])
    assert bench.tree() == before

    run = bench.said("run", "mini", "--device", "device", "--mode", "flat-out", "--seconds", "1")
    with Ledger.open(bench.folder / "earshot-results" / "ledger.db") as ledger:
        session = ledger.session(run["session"])
        assert session is not None
        assert session.environment.python_environment == f"default-{made['environment']['id']}"
        assert session.result.runtime_version == made["environment"]["distributions"]["onnxruntime"]
        assert "//" not in json.dumps([session.planned.study_id, made, planned["plans"][0]["wheels"]])

    cleaned = bench.earshot("devices", "clean", "device", "--environments=all")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not [p for p in (bench.root / "environments").iterdir() if p.name != ".lock"]


def test_an_environment_that_is_not_there_and_one_that_is_not_known(bench: Bench) -> None:
    bench.write_lab('[devices.device.environments.litert]\npackages = ["ai-edge-litert"]\n')
    absent = bench.earshot("run", "mini", "--device", "device", "--environment", "litert")
    assert (absent.returncode, "the environment litert is not on device" in absent.stderr) == (5, True)
    assert "earshot devices setup device --environment litert" in absent.stderr
    unknown = bench.earshot("run", "mini", "--device", "device", "--environment", "litter")
    assert (unknown.returncode, "device has no environment 'litter'" in unknown.stderr) == (2, True)
    unknown = bench.earshot("devices", "setup", "device", "--environment", "litter")
    assert (unknown.returncode, "known are default, litert" in unknown.stderr) == (2, True)


def test_an_environment_of_ones_own_is_used_as_it_is(bench: Bench) -> None:
    bench.write_lab(f'[devices.device.environments.default]\npython = "{sys.executable}"\n')
    (plan,) = bench.said("devices", "setup", "device")["plans"]
    assert plan["reason"] == f"{sys.executable} of the lab file is used as it is"
    run = bench.said("run", "mini", "--device", "device", "--mode", "flat-out", "--seconds", "1")
    with Ledger.open(bench.folder / "earshot-results" / "ledger.db") as ledger:
        session = ledger.session(run["session"])
        assert session is not None
        assert session.environment.python_environment is None


def test_what_has_no_wheel_is_told_before_anything_is_pushed(bench: Bench) -> None:
    bench.write_lab('[devices.device.environments.default]\npackages = ["onnxruntime==0.0.1"]\n')
    done = bench.earshot("devices", "setup", "device")
    assert done.returncode == 5
    assert "onnxruntime==0.0.1 has no wheel for device, which takes cp3" in done.stderr
    assert "versions with one are" in done.stderr
    assert not (bench.root / "environments").exists()
    assert not (bench.root / "blobs").exists()


def test_androids_own_python_is_told_how_to_get_debians(bench: Bench) -> None:
    """A stand-in for Termux's Python: sys.getandroidapilevel is how CPython says that it is Android's."""
    (site,) = (bench.folder / "bare" / "lib").glob("python*/site-packages")
    (site / "sitecustomize.py").write_text("import sys\nsys.getandroidapilevel = lambda: 34\n")
    done = bench.earshot("devices", "setup", "device")
    assert done.returncode == 5
    assert "the Python of device is Android's" in done.stderr
    steps = ["pkg install -y proot-distro", "proot-distro install debian", "chmod +x ~/bin/debian-python"]
    places = [done.stderr.index(step) for step in (*steps, 'python = "~/bin/debian-python"')]
    assert places == sorted(places)
    assert not (bench.root / "environments").exists()
