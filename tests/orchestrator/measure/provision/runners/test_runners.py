"""Runners as wheels: by name in an environment's packages. The real build: tests/export/test_executorch_runner.py."""

import base64
import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from agents.environments.python_facts import python_facts
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.provision.runners import executorch, with_wheels
from orchestrator.measure.provision.runners.wheel_file import write_wheel

HERE = python_facts()


def test_only_runners_become_paths(tmp_path: Path) -> None:
    folder = tmp_path / "runners" / f"{executorch._version()}-aarch64"
    made = write_wheel(folder_of(folder), executorch.PACKAGE, executorch._version(), "py3-none-any", {})
    packages = with_wheels(("numpy", "Earshot_ExecuTorch-runner"), replace(HERE, machine="aarch64"), tmp_path)
    assert packages == ("numpy", str(made))


def folder_of(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_a_machine_without_wheels_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotReady, match="wheels for x86_64, aarch64, not for armv7l"):
        with_wheels(("earshot-executorch-runner",), replace(HERE, machine="armv7l"), tmp_path)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_missing_compiler_is_told(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DeviceNotReady, match=machine) as caught:
        executorch.compiler_for(machine)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("apt-get install g++")


def test_a_wheel_is_the_same_each_time_and_lists_its_files(tmp_path: Path) -> None:
    files = {"one/__init__.py": b"VERSION = '1'\n", "one/lib/a.so": b"\x7fELF"}
    made = write_wheel(folder_of(tmp_path / "a"), "one", "1.0", "py3-none-manylinux_2_28_aarch64", files)
    again = write_wheel(folder_of(tmp_path / "b"), "one", "1.0", "py3-none-manylinux_2_28_aarch64", files)
    assert made.name == "one-1.0-py3-none-manylinux_2_28_aarch64.whl"
    assert made.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(made) as archive:
        record = archive.read("one-1.0.dist-info/RECORD").decode().splitlines()
        assert {line.split(",")[0] for line in record} == set(archive.namelist())
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"\x7fELF").digest()).rstrip(b"=").decode()
        assert f"one/lib/a.so,sha256={digest},4" in record
