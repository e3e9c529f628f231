"""Blobs are proven before they are taken in."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.store import BadRequest, BlobMismatch, Store
from tests.agents.device import Device

DATA = b"weights" * 1000


def blob(data: bytes = DATA, suffix: str = ".onnx") -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), "suffix": suffix}


def upload(root: Path, name: str, data: bytes = DATA) -> None:
    (root / "incoming").mkdir(exist_ok=True)
    (root / "incoming" / name).write_bytes(data)


def test_have_admit_have_over_the_wire(archive_device: Device) -> None:
    absent = archive_device.call("have", stdin=[blob()])
    assert json.loads(absent.stdout) == [blob()]
    upload(archive_device.root, "part-1")
    admitted = archive_device.call("admit", stdin=[{"incoming": "part-1", "blob": blob()}])
    assert (admitted.returncode, json.loads(admitted.stdout)) == (0, [blob()["sha256"] + ".onnx"])
    assert json.loads(archive_device.call("have", stdin=[blob()]).stdout) == []
    assert (archive_device.root / "blobs" / (blob()["sha256"] + ".onnx")).read_bytes() == DATA
    assert not list((archive_device.root / "incoming").iterdir())


def test_have_imports_nothing_heavy(device: Device) -> None:
    code = "import sys; sys.argv[1:] = ['have', '--root', '.']; from agents.__main__ import main\n"
    code += (
        "try: main()\nfinally: print(sorted({'numpy', 'dataclasses', 'subprocess', 'agents.wire'} & set(sys.modules)))"
    )
    tried = Device(device.root, (device.command[0], "-c", code)).call("", stdin=[])
    assert tried.stdout.splitlines() == ["[]", "[]"]


def test_an_altered_upload_is_deleted_and_named(device: Device) -> None:
    upload(device.root, "part-1", DATA[:-1] + b"x")
    refused = device.call("admit", stdin=[{"incoming": "part-1", "blob": blob()}])
    answer = json.loads(refused.stdout)
    assert refused.returncode == 2
    assert answer["incoming"] == "part-1"
    assert answer["expected"]["sha256"] == blob()["sha256"]
    assert answer["found"]["sha256"] == hashlib.sha256(DATA[:-1] + b"x").hexdigest()
    assert "part-1" in refused.stderr
    assert "push it again" in refused.stderr
    assert not (device.root / "incoming" / "part-1").exists()
    assert not (device.root / "blobs").exists()


def test_a_short_upload_is_refused(tmp_path: Path) -> None:
    upload(tmp_path, "part-1", DATA[:100])
    with pytest.raises(BlobMismatch, match=r"of 7000 bytes, found .* of 100 bytes"):
        Store(str(tmp_path)).admit([{"incoming": "part-1", "blob": blob()}])


def test_admit_again_after_a_lost_answer(tmp_path: Path) -> None:
    upload(tmp_path, "part-1")
    store, request = Store(str(tmp_path)), [{"incoming": "part-1", "blob": blob()}]
    assert store.admit(request) == store.admit(request)


def test_a_blob_of_another_size_is_absent(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / (blob()["sha256"] + ".onnx")).write_bytes(DATA[:5])
    assert Store(str(tmp_path)).missing([blob()]) == [blob()]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", ".hidden", "a\0b", "x" * 300, 7])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(BadRequest, match="plain file name"):
        Store(str(tmp_path)).admit([{"incoming": name, "blob": blob()}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "../../etc/passwd"}, "64 hex digits"),
        ({"suffix": "/../x"}, "suffix"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"size_bytes": True}, "size_bytes"),
        ({"extra": 1}, "a blob has"),
    ],
)
def test_blobs_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        Store(str(tmp_path)).missing([{**blob(), **change}])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_answered_or_refused(tmp_path_factory: pytest.TempPathFactory, request_json: Any) -> None:
    store = Store(str(tmp_path_factory.getbasetemp()))
    for verb in (store.missing, store.admit):
        with contextlib.suppress(BadRequest):
            assert verb(request_json) == []


@pytest.mark.parametrize("text", ["", "{", "nonsense"])
def test_stdin_that_is_no_json(device: Device, text: str) -> None:
    import subprocess

    done = subprocess.run(
        device.argv("have"), input=text, capture_output=True, text=True, cwd=device.cwd, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "stdin must be JSON" in json.loads(done.stdout)["error"]


def test_open_blob_proves_the_bytes(tmp_path: Path) -> None:
    device = Device(tmp_path)
    put = device.put(DATA, ".onnx")
    store = Store(str(tmp_path))
    assert Path(store.open_blob(put.sha256, put.suffix, put.size_bytes)).read_bytes() == DATA
    (tmp_path / "blobs" / put.file_name).write_bytes(DATA[::-1])
    with pytest.raises(BlobMismatch, match="altered on the device"):
        store.open_blob(put.sha256, put.suffix, put.size_bytes)
    with pytest.raises(BlobMismatch, match="no blob"):
        store.open_blob(put.sha256, put.suffix, put.size_bytes)


def test_clean_blobs(device: Device) -> None:
    put = device.put(DATA, ".onnx")
    upload(device.root, "part-1")
    assert json.loads(device.call("clean", "--blobs").stdout) == [f"blobs/{put.file_name}", "incoming/part-1"]
    assert json.loads(device.call("have", stdin=[blob()]).stdout) == [blob()]


@pytest.mark.parametrize("options", [["have"], ["have", "--rot", "x"], ["run", "--root", "x", "--from-byte", "-1"]])
def test_wrong_command_lines(device: Device, options: list[str]) -> None:
    import subprocess

    done = subprocess.run(
        [*device.command, *options], capture_output=True, text=True, input="{}", cwd=device.cwd, timeout=60
    )
    assert done.returncode == 2
    assert f"agent {options[0]}: " in done.stderr
