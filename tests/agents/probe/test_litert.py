"""LiteRT as a probe sees it: each delegate usable or with its reason, from whichever package brings it."""

from pathlib import Path

import pytest

from agents.probe.litert import probe_litert
from tests.agents.device import Device
from tests.agents.probe.test_probe import probe, runtime


def test_this_machine(device: Device) -> None:
    litert = runtime(probe(device), "litert")
    assert (litert.usable, litert.version, litert.build) == (True, "2.3.0", "ai-edge-litert")
    reasons = {p.name: p.reason for p in litert.providers}
    assert [p.name for p in litert.providers if p.usable] == ["XNNPACK", "CPU"]
    assert reasons["EdgeTPU"] == "libedgetpu.so.1 is not among the device's libraries"
    assert reasons["NNAPI"] == "it needs its library: give the session option delegate=PATH"


def test_a_library_that_is_there_and_is_no_delegate(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libedgetpu.so.1").write_bytes(b"no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found = {p.name: p for p in runtime(probe(device), "litert").providers}
    assert not found["EdgeTPU"].usable
    assert "the delegate EdgeTPU cannot be loaded from libedgetpu.so.1" in (found["EdgeTPU"].reason or "")


def test_both_packages_say_why_neither_can_be_imported(device: Device, tmp_path: Path) -> None:
    for name, text in (("ai_edge_litert", "raise ImportError('cut short')"), ("tflite_runtime", "import nothing_such")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    litert = runtime(probe(device, tmp_path), "litert")
    assert not litert.usable
    said = (
        "cannot import litert on this device (ai-edge-litert: cut short; tflite-runtime: No module named 'nothing_such'"
    )
    assert (litert.reason or "").startswith(said)
    assert "install numpy and ai-edge-litert for" in (litert.reason or "")


def test_the_tiny_graph_really_runs() -> None:
    assert probe_litert("XNNPACK").usable
    assert probe_litert("CPU").usable
