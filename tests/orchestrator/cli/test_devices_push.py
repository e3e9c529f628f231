"""``earshot devices push`` to several real hosts at once, some of which cannot take it."""

import getpass
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.measure.standin.lab_text import lab_text as standin_lab_text
from tests.hosts import MakeHost, lab_text, make_ssh_host
from tests.lab.fixtures import MakeStandIn

__all__ = ["make_ssh_host"]


def earshot(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(os.urandom(3 << 20))
    return path


def test_six_hosts_and_three_that_cannot(
    make_ssh_host: MakeHost, make_standin: MakeStandIn, model: Path, tmp_path: Path
) -> None:
    good, away, changed, full = make_ssh_host(), make_ssh_host(), make_ssh_host(), make_standin("pi5", disk_mib=64)
    away.stop()
    changed.known_hosts.write_text(f"[127.0.0.1]:{changed.port} {(good.folder / 'host_key.pub').read_text()}")
    full.host.disk.fill(leave_bytes=1 << 20)
    parts = [lab_text(good, name=name, root=tmp_path / name) for name in ("one", "two", "three")]
    parts += [lab_text(away, name="away"), lab_text(changed, name="changed"), standin_lab_text([full.device])]
    (tmp_path / "lab.toml").write_text("\n".join(parts))

    words = ["devices", "push", str(model), "--devices", "all", "--lab", "lab.toml", "--json"]
    done = earshot(tmp_path, *words, "--", "sha256sum", "{files}")

    rows = {row["device"]: row for row in json.loads(done.stdout)}
    assert (done.returncode, list(rows)) == (5, ["one", "two", "three", "away", "changed", full.device.name])
    assert "3 of 6 devices failed" in done.stderr
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    for name in ("one", "two", "three"):
        assert (rows[name]["ok"], rows[name]["command"]["exit_code"]) == (True, 0)
        assert rows[name]["command"]["stdout"].split()[0] == sha256
        assert (tmp_path / name / "blobs" / f"{sha256}.onnx").read_bytes() == model.read_bytes()
    assert "connection refused" in rows["away"]["error"]["message"]
    assert "has changed" in rows["changed"]["error"]["message"]
    assert "no room left" in rows[full.device.name]["error"]["message"]
    assert not (changed.home / ".cache").exists()

    again = {row["device"]: row for row in json.loads(earshot(tmp_path, *words).stdout)}
    assert [again[name]["bytes_sent"] for name in ("one", "two", "three")] == [0, 0, 0]
    assert again["one"]["command"] is None


def test_the_table_and_what_fails_there(make_ssh_host: MakeHost, model: Path, tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(lab_text(make_ssh_host(), name="pi", root=tmp_path / "root"))
    to = ("--devices", "pi", "--lab", "lab.toml")
    done = earshot(tmp_path, "devices", "push", str(model), *to, "--", "sh", "-c", "echo no such luck >&2; exit 3")
    assert done.returncode == 5
    row = next(line for line in done.stdout.splitlines() if line.startswith("pi"))
    assert row.split()[:3] == ["pi", "2", "files"]
    assert "3  no such luck" in row
    done = earshot(tmp_path, "devices", "push", *to)
    assert (done.returncode, "all was there" in done.stdout) == (0, True)


def test_a_device_that_somebody_has_is_left_alone(make_ssh_host: MakeHost, model: Path, tmp_path: Path) -> None:
    host = make_ssh_host()
    (tmp_path / "lab.toml").write_text(lab_text(host, name="pi", root=tmp_path / "root"))
    to = ("--lab", "lab.toml", "--results", "results")
    assert earshot(tmp_path, "devices", "lease", "pi", "--for", "30m", "--purpose", "my own", *to).returncode == 0
    before = host.logins()
    done = earshot(tmp_path, "devices", "push", str(model), "--devices", "pi", *to)
    assert (done.returncode, host.logins()) == (5, before)
    assert f"is held by {getpass.getuser()}" in " ".join(done.stdout.split())


def test_what_is_neither_a_file_nor_a_model(tmp_path: Path) -> None:
    done = earshot(tmp_path, "devices", "push", "no-such.onnx", "--devices", "local")
    assert done.returncode == 2
    assert "no-such.onnx is neither a file here nor a model" in done.stderr


def test_here_too(model: Path, tmp_path: Path) -> None:
    done = earshot(tmp_path, "devices", "push", str(model), "--devices", "local", "--json", "--", "wc", "-c", "{files}")
    (row,) = json.loads(done.stdout)
    assert row["command"]["stdout"].split()[0] == str(3 << 20)
