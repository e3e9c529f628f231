"""Wheels for a machine that this one is not, from setup to a session: on the emulated aarch64 board with Python 3.9."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.standin.aarch64 import Aarch64Board
from orchestrator.measure.transports.ssh import SshTransport
from tests.boards import aarch64_root
from tests.orchestrator.workflows.mini import add_mini

__all__ = ["aarch64_root"]

pytestmark = pytest.mark.xdist_group("aarch64")

# y = x + x, written with the schema that comes in LiteRT's own wheel, and run by its interpreter.
LITERT = """
import flatbuffers, numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

def tensor(name):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, [4], schema.TensorType.FLOAT32, 0
    return made

code, add, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
code.version = 1
add.opcodeIndex, add.inputs, add.outputs = 0, [0, 0], [1]
add.builtinOptionsType, add.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor("x"), tensor("y")], [0], [1], [add]
model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
interpreter = Interpreter(model_content=bytes(builder.Output()))
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.array([1, 2, 3, 4], dtype=np.float32))
interpreter.invoke()
print(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist())
"""


class Bench:
    def __init__(self, folder: Path, board: Aarch64Board) -> None:
        self.folder, self.board = folder, board
        (folder / "lab.toml").write_text(
            f'[devices.aarch64]\nhost = "{board.address}"\nport = {board.port}\nuser = "{board.user}"\n'
            f'identity_file = "{board.user_key}"\nknown_hosts = "{board.known_hosts}"\n'
            '[devices.aarch64.environments.litert]\npackages = ["numpy", "ai-edge-litert"]\n'
        )
        add_mini(folder / "earshot-results")

    def said(self, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", *words, "--lab", "lab.toml", "--json"],
            cwd=self.folder,
            env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def bench(aarch64_root: Path, tmp_path: Path) -> Iterator[Bench]:
    with Aarch64Board(tmp_path / "board", aarch64_root) as board:
        yield Bench(tmp_path, board)


def test_onnxruntime_for_aarch64_measures_there_and_says_that_it_is_emulated(bench: Bench) -> None:
    setup = bench.said("devices", "setup", "aarch64", "--environment", "default")
    wheels = {w["wheel"]["file"] for w in setup["plans"][0]["wheels"]}
    assert any(name.startswith("onnxruntime-1.19.2-cp39-cp39-manylinux") and "aarch64" in name for name in wheels)
    run = bench.said("run", "mini", "--device", "aarch64", "--mode", "flat-out", "--seconds", "1")
    assert run["figures"][0]["name"] == "emulated"
    with Ledger.open(bench.folder / "earshot-results" / "ledger.db") as ledger:
        session = ledger.session(run["session"])
        assert session is not None
        environment = session.environment
        assert (environment.probe.machine, environment.probe.python) == ("aarch64", "3.9.2")
        assert environment.emulated
        assert session.result.runtime_version == "1.19.2"
        assert session.result.chunk_count == len(session.arrays["t_ns"])


def test_litert_for_aarch64_runs_there(bench: Bench) -> None:
    (made,) = bench.said("devices", "setup", "aarch64", "--environment", "litert")["made"]
    assert made["environment"]["distributions"]["ai_edge_litert"] == "2.1.0"
    with SshTransport("aarch64", bench.board.target) as transport:
        done = transport.exec([".cache/earshot/environments/litert/bin/python", "-c", LITERT], timeout_s=120)
    assert done.stdout.splitlines()[-1:] == [b"[2.0, 4.0, 6.0, 8.0]"], done.stderr[-2000:]
