"""Programs in a session: by the runner that is built here, and by executorch's own Python package.

Each way runs in a process of its own: their libraries are the same and cannot be loaded twice.
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from orchestrator.measure.provision.runners.executorch import runner_wheel
from tests.pte import leaky_pte

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes import MemoryPlanningPass

pytestmark = pytest.mark.filterwarnings("ignore")  # Of torch, torchao and executorch at each other.
WAYS = ("runner", "python")
# Prints what a stream gave, by which the parent judges it.
SESSION = """
import json, sys
import numpy as np
from agents import wire
from agents.backends import load_backend
from agents.failure import Failure
from tests.agents.device import CHUNK, contract

path, way, provider, profile = sys.argv[1:]
blob = wire.Blob("a" * 64, 1, ".pte")
spec = wire.RunSpec("s", "flat-out", "executorch", provider, blob, contract(), blob, CHUNK, 1,
                    session_options={"through": way})
try:
    backend = load_backend("executorch")(spec, path, profile or None)
    backend.first_run()
except Failure as failure:
    print(json.dumps({"failure": failure.kind, "reason": failure.reason}))
    sys.exit()
backend.bind()
twin = backend.another()
backend.input[:] = 0.25
twin.input[:] = 1.0
place = backend.input.ctypes.data, backend.outputs[0].ctypes.data
seen = []
for _ in range(4):
    backend.step()
    twin.step()
    seen.append([float(backend.outputs[0][0, 0]), float(twin.outputs[0][0, 7])])
profiled = backend.end_profile() if profile else None
backend.reset()
backend.step()
print(json.dumps({
    "seen": seen,
    "after_reset": float(backend.outputs[0][0, 0]),
    "stays": place == (backend.input.ctypes.data, backend.outputs[0].ctypes.data),
    "providers": backend.providers,
    "torch": "torch" in sys.modules,
    "build": backend.runtime_build,
    "operators": [[o.op, o.provider, o.calls] for o in profiled.operators] if profiled else None,
    "assigned": profiled.assigned if profiled else None,
}))
"""


class Leaky(nn.Module):
    """state' = 0.5 state + mean(x); y = state'. What ``tests.pte.leaky_pte`` was made of."""

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        new = state * 0.5 + x.mean(1, keepdim=True)
        return new * 1.0, new


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's wheel, unpacked."""
    import zipfile

    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(runner_wheel(os.uname().machine, tmp_path_factory.mktemp("cache"))) as archive:
        archive.extractall(folder)
    return folder


def session(site: Path, path: Path, way: str, provider: str = "XNNPACK", profile: str = "") -> dict[str, Any]:
    here = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(path), way, provider, profile],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": f"{here}:{site}"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def lowered(planned: bool, partitioned: bool = True) -> bytes:
    exported = torch.export.export(Leaky(), (torch.zeros(1, 160), torch.zeros(1, 8)))
    edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()] if partitioned else [])
    planning = MemoryPlanningPass(alloc_graph_input=planned, alloc_graph_output=planned)
    return bytes(edge.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning)).buffer)


def test_the_program_of_the_other_tests_is_made_again() -> None:
    assert lowered(planned=False) == leaky_pte()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("planned", [False, True])
def test_two_streams_carry_their_own_state(site: Path, tmp_path: Path, way: str, planned: bool) -> None:
    """Also where the program has memory of its own for inputs and outputs, as the exporter does by default."""
    path = tmp_path / "leaky.pte"
    path.write_bytes(lowered(planned))
    said = session(site, path, way)
    assert [s[0] for s in said["seen"]] == pytest.approx([0.25, 0.375, 0.4375, 0.46875], rel=1e-6)
    assert [s[1] for s in said["seen"]] == pytest.approx([1.0, 1.5, 1.75, 1.875], rel=1e-6)
    assert said["after_reset"] == pytest.approx(0.25, rel=1e-6)
    assert said["stays"] is True
    assert said["providers"] == ["XNNPACK", "Portable"]
    assert said["torch"] is (way == "python")


@pytest.mark.parametrize("way", WAYS)
def test_nodes_are_timed_with_who_ran_them(site: Path, tmp_path: Path, way: str) -> None:
    path = tmp_path / "leaky.pte"
    path.write_bytes(leaky_pte())
    said = session(site, path, way, profile="p")
    owners = {provider: op for op, provider, _ in said["operators"]}
    assert owners["Portable"] == "mean.out"
    assert "XNNPACK" in owners
    assert said["assigned"] == {"Portable": 1, "XNNPACK": 1}
    # Both streams are one loaded program, and both are counted.
    assert {calls for op, _, calls in said["operators"] if op == "mean.out"} == {8}


@pytest.mark.parametrize("way", WAYS)
def test_portable_kernels_run_what_was_made_for_them(site: Path, tmp_path: Path, way: str) -> None:
    path = tmp_path / "leaky.pte"
    path.write_bytes(lowered(planned=False, partitioned=False))
    assert session(site, path, way, "Portable")["providers"] == ["Portable"]
    assert "exported for Portable" in session(site, path, way)["reason"]


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_loaded_says_why(site: Path, tmp_path: Path, way: str) -> None:
    path = tmp_path / "leaky.pte"
    path.write_bytes(leaky_pte("NowhereBackend"))
    said = session(site, path, way)
    assert said["failure"] == "model-load"
    assert "delegates to 'NowhereBackend', and this build of executorch has" in said["reason"]
    # The delegate's own part is damaged; the tables around it are whole.
    content = leaky_pte()
    head = content.index(b"XH00")
    path.write_bytes(content[: head - 16] + b"\0" * 64 + content[head + 48 :])
    said = session(site, path, way)
    # The package makes delegates when a program is first run.
    kind, why = {"runner": ("model-load", "cannot load"), "python": ("inference", "first inference failed")}[way]
    assert (said["failure"], why in said["reason"]) == (kind, True)
