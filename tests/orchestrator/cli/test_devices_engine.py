"""``earshot devices engine`` with a stand-in for trtexec on this machine: pushed, built, and not built again."""

import json
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from tests import graphs
from tests.agents.engines.test_build import standin
from tests.orchestrator.cli.command import earshot


@pytest.fixture
def kit(tmp_path: Path) -> str:
    """The hash of a kit in the artifact store of ``tmp_path / "results"``."""
    model = graphs.conv_graph()
    path = graphs.save(model, tmp_path / "conv.onnx")
    source = ModelSource("conv", graphs.conv_contract(model), path, model_sha256(path), None)
    return Exporter(source, tmp_path / "results" / "artifacts", None).export(Recipe.parse("tensorrt:fp16")).sha256


def test_an_engine_is_built_once(tmp_path: Path, kit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_LOG", str(tmp_path / "builds.log"))
    lab = tmp_path / "lab.toml"
    lab.write_text(f'[devices.local]\ntransport = "local"\nroot = "{tmp_path / "root"}"\n')
    common = ("--lab", str(lab), "--results", str(tmp_path / "results"), "--json")
    argv = ("devices", "engine", "local", "--artifact", kit[:12], *common)
    first = json.loads(earshot(*argv, "--trtexec", standin(tmp_path), home=tmp_path).stdout)
    assert (first["tensorrt"], first["cached"]) == ("8602", False)
    assert Path(first["path"]).read_bytes().startswith(b"engine of ")
    again = json.loads(earshot(*argv, "--trtexec", standin(tmp_path), home=tmp_path).stdout)
    assert (again["path"], again["cached"]) == (first["path"], True)
    (build,) = (tmp_path / "builds.log").read_text().splitlines()
    assert build.split()[:2] == ["--onnx=model.onnx", "--saveEngine=model.engine"]
    assert "--fp16" in build
    refused = earshot(*argv, "--trtexec", "/absent", home=tmp_path)
    assert refused.returncode != 0
    assert "no trtexec at /absent" in refused.stderr
