"""What an app gets: whole, with the hash of each file, and the clients that can run it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agents.contract import Frontend
from orchestrator.decide.bundle import clients
from orchestrator.decide.bundle.clients import write_clients
from orchestrator.make.models import reference
from tests.orchestrator.decide.bundle.bundles import DEVICE_MODEL, bundle_of

KOTLIN = {path.name for path in (Path(clients.__file__).parent / "kotlin").glob("*.kt") if "Graph" not in path.name}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestBundle:
    def test_the_manifest_has_the_hash_of_every_other_file(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        files = json.loads((bundle / "manifest.json").read_text())["files"]
        assert set(files) == names(bundle) - {"manifest.json"}
        for name, known in files.items():
            data = (bundle / name).read_bytes()
            assert (known["sha256"], known["size_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))

    def test_an_artifact_of_several_files_is_shipped_whole(self, tmp_path: Path) -> None:
        (tmp_path / "step.onnx").write_bytes(b"the second graph")
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"), step=tmp_path / "step.onnx")
        told = json.loads((bundle / "recommendation.json").read_text())
        assert told["file"]["name"] == "kws.onnx"
        assert told["parts"]["step"]["name"] == "kws-step.onnx"
        for file in (told["file"], told["parts"]["step"]):
            assert hashlib.sha256((bundle / file["name"]).read_bytes()).hexdigest() == file["sha256"]

    def test_which_device_takes_what(self, tmp_path: Path) -> None:
        support = json.loads(
            (bundle_of("kws", tmp_path, reference.onnx_path("kws")) / "device_support.json").read_text()
        )
        assert support["device_support"][0]["identifier_prefixes"] == ["Synthetic Board", DEVICE_MODEL]
        (key,) = support["configurations"]
        assert support["device_support"][0]["fallback"] == [key]

    def test_a_new_one_replaces_the_old_one_whole(self, tmp_path: Path) -> None:
        first = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        (first / "stray").write_text("from before")
        again = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        assert again == first
        assert "stray" not in names(again)
        assert [path.name for path in first.parent.iterdir()] == ["kws"]

    @pytest.mark.parametrize(
        ("suffix", "graph", "languages"),
        [
            (".onnx", "OnnxRuntimeGraph.kt", {"python", "typescript", "kotlin", "swift"}),
            (".tflite", "LiteRtGraph.kt", {"python", "kotlin"}),
            (".pte", "ExecuTorchGraph.kt", {"kotlin"}),
        ],
    )
    def test_clients_are_those_that_can_load_it(
        self, tmp_path: Path, suffix: str, graph: str, languages: set[str]
    ) -> None:
        path = tmp_path / f"model{suffix}"
        path.write_bytes(b"any bytes")
        folder = bundle_of("kws", tmp_path, path) / "clients"
        assert {path.name for path in folder.iterdir() if path.is_dir()} == languages
        assert names(folder / "kotlin") == {*KOTLIN, graph}

    def test_no_client_is_better_than_one_that_hears_something_else(self, tmp_path: Path) -> None:
        kws = reference.load_contract("kws")
        whisper = replace(kws, model="whisper", frontend=Frontend("whisper-mel", window_samples=400, fft_size=400))
        write_clients(tmp_path / "clients", [".onnx"], whisper)
        assert names(tmp_path / "clients") == {"README.md"}
        said = (tmp_path / "clients" / "README.md").read_text()
        assert "No client here has the front end whisper-mel of whisper:" in said
