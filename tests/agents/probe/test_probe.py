"""``agent probe`` as a process: every runtime and provider is usable, or has its reason."""

import json
import os
import subprocess
from pathlib import Path

import onnx
import pytest

from agents import strict_json
from agents.device_facts import DeviceProbe, RuntimeProbe
from agents.probe.runtimes import how_it_ended
from tests.agents.device import Device


def probe(device: Device, python_path: Path | None = None) -> DeviceProbe:
    environment = dict(os.environ)
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    done = subprocess.run(
        device.argv("probe"), capture_output=True, text=True, cwd=device.cwd, env=environment, timeout=120, check=True
    )
    (line,) = done.stdout.splitlines()
    return strict_json.from_json(DeviceProbe, json.loads(line))


def runtime(found: DeviceProbe, name: str = "onnxruntime") -> RuntimeProbe:
    return next(r for r in found.runtimes if r.name == name)


def fake_onnxruntime(folder: Path, text: str) -> Path:
    (folder / "fake" / "onnxruntime").mkdir(parents=True)
    (folder / "fake" / "onnxruntime" / "__init__.py").write_text(text)
    return folder / "fake"


def test_this_machine(archive_device: Device) -> None:
    found = probe(archive_device)
    ort = runtime(found)
    assert (ort.name, ort.usable, ort.reason) == ("onnxruntime", True, None)
    assert found.model
    assert len(found.cores) == os.cpu_count()
    assert found.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert found.numpy is not None
    assert found.state.monotonic_ns > 0
    for provider in ort.providers:
        assert provider.usable is (provider.name == "CPUExecutionProvider") or provider.reason
    for sensor in found.sensors:
        assert sensor.usable or sensor.reason


def test_a_service_in_the_network_is_no_provider_of_this_device(device: Device) -> None:
    azure = [p for p in runtime(probe(device)).providers if p.name == "AzureExecutionProvider"]
    assert all(not p.usable and "network" in (p.reason or "") for p in azure)


def test_an_import_that_crashes(device: Device, tmp_path: Path) -> None:
    fake = fake_onnxruntime(
        tmp_path, "import os, sys\nsys.stderr.write('driver: bad\\n'); sys.stderr.flush(); os.abort()\n"
    )
    ort = runtime(probe(device, fake))
    assert not ort.usable
    assert ort.reason == "its process was ended by SIGABRT: driver: bad"


def test_an_import_that_fails(device: Device, tmp_path: Path) -> None:
    ort = runtime(probe(device, fake_onnxruntime(tmp_path, "raise ImportError('libfoo.so.1: cannot open')\n")))
    assert not ort.usable
    assert "libfoo.so.1: cannot open" in (ort.reason or "")
    assert "install numpy and onnxruntime" in (ort.reason or "")


# A provider that crashes, one that refuses, one that falls back silently, one that works.
FOUR = """
import os
print("banner of a vendor")
__version__ = "9.9"
def get_build_info(): return "fake build for a test"
def get_available_providers(): return ["Crashes", "Refuses", "FallsBack", "Works"]
class SessionOptions: pass
class InferenceSession:
    def __init__(self, model, options, providers, enable_fallback):
        self._providers = providers
        if providers == ["Crashes"]: os.kill(os.getpid(), 11)
        if providers == ["Refuses"]: raise RuntimeError("no device\\nwas found")
    def get_providers(self): return ["Works"] if self._providers == ["FallsBack"] else self._providers
"""


def test_each_provider_is_tried(device: Device, tmp_path: Path) -> None:
    ort = runtime(probe(device, fake_onnxruntime(tmp_path, FOUR)))
    reasons = {p.name: p.reason for p in ort.providers}
    assert ort.usable
    assert [p.name for p in ort.providers if p.usable] == ["Works"]
    assert "SIGSEGV" in (reasons["Crashes"] or "")
    assert reasons["Refuses"] == "cannot make a session: no device was found"
    assert reasons["FallsBack"] == "fell back to Works"


def test_a_runtime_without_a_provider_is_not_usable(device: Device, tmp_path: Path) -> None:
    text = FOUR.replace('["Crashes", "Refuses", "FallsBack", "Works"]', '["Refuses"]')
    ort = runtime(probe(device, fake_onnxruntime(tmp_path, text)))
    assert (ort.usable, ort.reason) == (False, "none of its providers can be used")


def test_the_tiny_model_is_one() -> None:
    from agents.probe.onnxruntime import TINY_MODEL

    model = onnx.load_model_from_string(TINY_MODEL)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Add"]


@pytest.mark.parametrize(
    ("code", "stderr", "expected"),
    [
        (-11, "", "its process was ended by SIGSEGV"),
        (1, "Traceback\n  line\nKeyError: 'x'\n\n", "exit code 1: KeyError: 'x'"),
    ],
)
def test_how_it_ended(code: int, stderr: str, expected: str) -> None:
    assert how_it_ended(code, stderr) == expected
