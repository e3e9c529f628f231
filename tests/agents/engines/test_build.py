"""A stand-in for trtexec, which says what the real one says, and what is made of it: one engine for each question."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agents.engines import build as engines
from agents.engines.build import BuildFailed, build
from agents.store import sha256_of
from tests.agents.device import REPOSITORY

# Lines as in logs of trtexec 8.5.3 and 10.0 (github.com/NVIDIA-AI-IOT/sdg_pallet_model/issues/4, NVIDIA/TensorRT#3760).
STANDIN = """\
#!{python}
import os, sys
shown = "TensorRT.trtexec [TensorRT v{version}] # " + " ".join(sys.argv)
print("&&&& RUNNING " + shown)
if "--help" in sys.argv:
    print("=== Model Options ===")
    sys.exit(0)
with open(os.environ["STANDIN_LOG"], "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
print("[11/21/2026-19:00:00] [I] === Model Options ===")
if {fails}:
    print("[11/21/2026-19:00:01] [E] Error[10]: Error Code 10: Internal Error (no tactic)")
    print("[11/21/2026-19:00:01] [E] Engine could not be created from network")
    print("&&&& FAILED " + shown)
    sys.exit(1)
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
engine = b"engine of " + open(options["onnx"], "rb").read()
open(options["saveEngine"], "wb").write(engine)
print("[11/21/2026-19:00:09] [I] Engine built in 8.1 sec.")
print("&&&& PASSED " + shown)
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANDIN_LOG", str(tmp_path / "builds.log"))
    return tmp_path / "builds.log"


def standin(folder: Path, version: str = "8602", fails: bool = False) -> str:
    path = folder / f"trtexec-{version}-{fails}"
    path.write_text(STANDIN.format(python=sys.executable, version=version, fails=fails))
    path.chmod(0o755)
    return str(path)


def kit(folder: Path, graph: bytes = b"graph", arguments: object = None, **more: bytes) -> Path:
    path = folder / "kit.tensorrt.zip"
    words = arguments or ["--onnx=model.onnx", "--saveEngine=model.engine", "--skipInference"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.onnx", graph)
        archive.writestr("command.json", json.dumps({"arguments": words}))
        for name, content in more.items():
            archive.writestr(name.replace("_", "."), content)
    return path


def builds(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.is_file() else []


def test_the_same_question_is_built_once(tmp_path: Path, log: Path) -> None:
    program, path = standin(tmp_path), str(kit(tmp_path))
    first = build(path, str(tmp_path), 60, program)
    assert Path(first.path).read_bytes() == b"engine of graph"
    assert (first.tensorrt, first.cached, first.sha256) == ("8602", False, sha256_of(first.path))
    again = build(path, str(tmp_path), 60, program)
    assert (again.path, again.cached, again.build_s) == (first.path, True, first.build_s)
    assert builds(log) == ["--onnx=model.onnx --saveEngine=model.engine --skipInference"]
    assert sorted(p.name for p in (tmp_path / "engines").iterdir()) == [first.key], "no half-made engine is left"


def test_graph_ranges_command_version_and_gpu_make_another_engine(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del log
    program, root = standin(tmp_path), str(tmp_path)
    keys = [build(str(kit(tmp_path)), root, 60, program).key]
    keys.append(build(str(kit(tmp_path, b"other graph")), root, 60, program).key)
    keys.append(build(str(kit(tmp_path, calibration_cache=b"TRT-8602\n")), root, 60, program).key)
    words = ["--onnx=model.onnx", "--saveEngine=model.engine", "--fp16"]
    keys.append(build(str(kit(tmp_path, arguments=words)), root, 60, program).key)
    keys.append(build(str(kit(tmp_path)), root, 60, standin(tmp_path, "101300")).key)
    monkeypatch.setattr(engines, "gpu_name", lambda: "Orin (nvgpu)")
    keys.append(build(str(kit(tmp_path)), root, 60, program).key)
    assert len(set(keys)) == len(keys)


def test_an_engine_that_was_altered_is_built_again(tmp_path: Path, log: Path) -> None:
    program, path = standin(tmp_path), str(kit(tmp_path))
    first = build(path, str(tmp_path), 60, program)
    Path(first.path).write_bytes(b"broken")
    assert not build(path, str(tmp_path), 60, program).cached
    assert len(builds(log)) == 2
    assert Path(first.path).read_bytes() == b"engine of graph"


def test_before_8_6_the_word_was_another(tmp_path: Path, log: Path) -> None:
    build(str(kit(tmp_path)), str(tmp_path), 60, standin(tmp_path, "8503"))
    assert builds(log) == ["--onnx=model.onnx --saveEngine=model.engine --buildOnly"]


def test_a_failed_build_says_what_trtexec_said(tmp_path: Path, log: Path) -> None:
    del log
    with pytest.raises(BuildFailed, match=r"exit code 1: Error\[10\]: .*no tactic.*Engine could not be created"):
        build(str(kit(tmp_path)), str(tmp_path), 60, standin(tmp_path, fails=True))
    assert list((tmp_path / "engines").iterdir()) == []


def test_without_trtexec_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"no trtexec at .*JetPack has it: apt-get install tensorrt"):
        build(str(kit(tmp_path)), str(tmp_path), 60, str(tmp_path / "absent"))
    with pytest.raises(BuildFailed, match="is no trtexec"):
        build(str(kit(tmp_path)), str(tmp_path), 60, "/bin/true")


@pytest.mark.parametrize("arguments", [["model.onnx"], ["--onnx=model.onnx", "; rm -rf /"], "--onnx=model.onnx"])
def test_only_options_reach_trtexec(tmp_path: Path, log: Path, arguments: object) -> None:
    with pytest.raises(ValueError, match="must hold trtexec's arguments"):
        build(str(kit(tmp_path, arguments=arguments)), str(tmp_path), 60, standin(tmp_path))
    assert builds(log) == []


def test_another_archive_is_no_kit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a kit holds"):
        build(str(kit(tmp_path, passwd=b"")), str(tmp_path), 60, standin(tmp_path))


def test_the_agent_builds_from_its_store(tmp_path: Path, log: Path) -> None:
    del log
    path = kit(tmp_path)
    (tmp_path / "blobs").mkdir()
    name = f"{sha256_of(str(path))}.tensorrt.zip"
    (tmp_path / "blobs" / name).write_bytes(path.read_bytes())
    argv = [sys.executable, "-m", "agents", "engine", "--root", str(tmp_path), "--kit", name]
    done = subprocess.run(
        [*argv, "--trtexec", standin(tmp_path)], cwd=REPOSITORY, env=dict(os.environ), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["path"]).read_bytes() == b"engine of graph"
    absent = subprocess.run([*argv, "--trtexec", "/absent"], cwd=REPOSITORY, capture_output=True, timeout=120)
    assert absent.returncode == 2
    assert "no trtexec at /absent" in json.loads(absent.stdout)["error"]
