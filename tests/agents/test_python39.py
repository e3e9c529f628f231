"""The archive on the oldest Python that it promises: 3.9, with that Python's own numpy, onnxruntime and LiteRT."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agents.device import REPOSITORY, Device
from tests.tflite import leaky_tflite

PIP_TIMEOUT_S = 300
PACKAGES = ("numpy", "onnxruntime", "ai-edge-litert")


def python39() -> tuple[str, dict[str, str]]:
    """(command, environment) of a working python3.9. Skips where there is none."""
    found = shutil.which("python3.9")
    if found is None:
        pytest.skip("python3.9 is not installed: the agent's promise to run on it is not tested here")
    for version in ("", *installed_by_pyenv()):
        environment = {**os.environ, **({"PYENV_VERSION": version} if version else {})}
        tried = subprocess.run([found, "-V"], capture_output=True, text=True, env=environment, check=False)
        if tried.returncode == 0:
            return found, environment
    pytest.skip(f"{found} does not start: {tried.stderr.strip()}")


def installed_by_pyenv() -> list[str]:
    """Versions 3.9.x that pyenv offers; a shim of its starts only when one is chosen."""
    if shutil.which("pyenv") is None:
        return []
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().startswith("3.9")]


@pytest.fixture(scope="session")
def python39_with_runtime(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A virtual environment of 3.9 with what a device would have."""
    command, environment = python39()
    folder = tmp_path_factory.mktemp("python39") / "venv"
    made = subprocess.run(
        [command, "-m", "venv", str(folder)], capture_output=True, text=True, env=environment, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"python3.9 -m venv fails: {made.stderr.strip() or made.stdout.strip()}")
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--only-binary", ":all:", *PACKAGES]
    try:
        installed = subprocess.run(pip, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{', '.join(PACKAGES)} for Python 3.9 did not arrive within {PIP_TIMEOUT_S} s")
    if installed.returncode != 0:
        pytest.skip(f"{', '.join(PACKAGES)} for Python 3.9 cannot be had: {installed.stderr.strip()[-200:]}")
    return str(folder / "bin" / "python")


def test_every_module_compiles_under_39(tmp_path: Path) -> None:
    command, environment = python39()
    shutil.copytree(REPOSITORY / "agents", tmp_path / "agents", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [command, "-W", "error", "-m", "compileall", "-q", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_mode_runs_under_39(python39_with_runtime: str, tmp_path: Path, archive: Path) -> None:
    from tests.agents.probe.test_probe import probe, runtime
    from tests.agents.test_cascade import spec_of

    device = Device(tmp_path, (python39_with_runtime, str(archive)), tmp_path)
    found = probe(device)
    assert found.python.startswith("3.9.")
    assert runtime(found).usable, runtime(found).reason
    for mode, streams in (("flat-out", 1), ("paced", 1), ("placement", 1), ("multi", 2)):
        result = device.run(device.spec(session_id=mode, mode=mode, streams=streams, sampler_hz=20.0)).result
        assert (result.outcome, result.reason) == ("ok", None)
    result = device.run(spec_of(device, [["low", "high"]], session_id="cascade")).result
    assert (result.outcome, [heard["text"] for heard in result.decoded]) == ("ok", ["low high"]), result.reason
    assert runtime(found, "litert").usable, runtime(found, "litert").reason
    litert = {"runtime": "litert", "provider": "XNNPACK", "model": device.put(leaky_tflite(), ".tflite")}
    for mode in ("flat-out", "placement"):
        result = device.run(device.spec(session_id=f"litert-{mode}", mode=mode, **litert)).result
        assert (result.outcome, result.reason) == ("ok", None)
