"""What an app gets: whole, with the hash of each file, and client code that runs it."""

import hashlib
import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from agents.contract import StreamContract
from orchestrator.decide.bundle.clients import write_clients
from orchestrator.make.models import reference
from orchestrator.make.models.silero import source as silero
from orchestrator.make.quality.audio import write_wav
from tests.orchestrator.decide.bundle.bundles import DEVICE_MODEL, bundle_of, frame_s, heard_by_agent, speech_of

KOTLIN = {"Contract.kt", "Frontend.kt", "Decoder.kt", "Stream.kt"}


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
        assert support["device_support"][0]["identifier_prefixes"] == [DEVICE_MODEL]
        assert support["device_support"][0]["fallback"] == ["onnx:fp32"]

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
        clients = bundle_of("kws", tmp_path, path) / "clients"
        assert {path.name for path in clients.iterdir() if path.is_dir()} == languages
        assert names(clients / "kotlin") == {*KOTLIN, graph}

    @pytest.mark.parametrize(
        ("contract", "missing"),
        [
            (reference.load_contract("gesture-rnnt"), "front end touch and the decoder trie of gesture-rnnt"),
            (silero.contract(), "decoder vad of silero-vad"),
        ],
        ids=["touch", "vad"],
    )
    def test_no_client_is_better_than_one_that_hears_something_else(
        self, tmp_path: Path, contract: StreamContract, missing: str
    ) -> None:
        write_clients(tmp_path / "clients", ".onnx", contract)
        assert names(tmp_path / "clients") == {"README.md"}
        assert f"No client here has the {missing}:" in (tmp_path / "clients" / "README.md").read_text()


class TestPythonClient:
    @pytest.mark.parametrize("model", ["kws", "digits-lstm"])
    def test_it_hears_what_the_agent_hears(self, tmp_path: Path, model: str) -> None:
        path, samples = reference.onnx_path(model), speech_of(model)
        write_wav(tmp_path / "speech.wav", samples, 16_000)
        said = self._run(bundle_of(model, tmp_path, path), tmp_path / "speech.wav")
        events = heard_by_agent(reference.load_contract(model), path, samples)
        assert len(events) >= 5
        assert [(time, label) for time, label, _ in said] == [
            (f"{(event['frame'] + 1) * frame_s(model):.2f}", event["label"]) for event in events
        ]

    @pytest.mark.parametrize("model", ["kws", "digits-lstm"])
    def test_litert_hears_the_same(self, tmp_path: Path, model: str) -> None:
        samples = speech_of(model)
        write_wav(tmp_path / "speech.wav", samples, 16_000)
        bundle = bundle_of(model, tmp_path, reference.tflite_path(model), "litert:fp32", "litert")
        events = heard_by_agent(reference.load_contract(model), reference.onnx_path(model), samples)
        said = self._run(bundle, tmp_path / "speech.wav")
        assert [label for _, label, _ in said] == [event["label"] for event in events]

    @staticmethod
    def _run(bundle: Path, audio: Path) -> list[tuple[str, str, str]]:
        client = bundle / "clients" / "python" / "earshot_stream.py"
        done = subprocess.run(
            [sys.executable, "-I", str(client), str(audio)], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return [(line.split()[0], line.split()[2], line.split()[3]) for line in done.stdout.splitlines()]

    def test_a_file_that_was_changed_is_refused(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        (bundle / "contract.json").write_text((bundle / "contract.json").read_text() + " ")
        client = bundle / "clients" / "python" / "earshot_stream.py"
        done = subprocess.run([sys.executable, client, "any.wav"], capture_output=True, text=True, timeout=120)
        assert done.returncode != 0
        assert "is not the file that the manifest names" in done.stderr

    def test_audio_of_another_form_is_refused(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
            file.setparams((2, 2, 16_000, 0, "NONE", ""))
        client = bundle / "clients" / "python" / "earshot_stream.py"
        done = subprocess.run(
            [sys.executable, client, tmp_path / "stereo.wav"], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, "must be mono, 16 bit, 16000 Hz" in done.stderr) == (1, True)
