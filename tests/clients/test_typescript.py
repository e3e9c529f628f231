"""The TypeScript client of a bundle under Node, with onnxruntime-web, on the bundle's own artifact."""

import json
import subprocess
from pathlib import Path

import pytest

from orchestrator.make.models import reference
from orchestrator.make.quality.audio import write_wav
from tests.orchestrator.decide.bundle.bundles import bundle_of, frame_s, heard_by_agent, speech_of


@pytest.mark.parametrize("model", ["kws", "digits-lstm"])
def test_it_hears_what_the_agent_hears(tmp_path: Path, node_modules: Path, model: str) -> None:
    path, samples = reference.onnx_path(model), speech_of(model)
    write_wav(tmp_path / "speech.wav", samples, 16_000)
    client = bundle_of(model, tmp_path, path) / "clients" / "typescript"
    (client / "node_modules").symlink_to(node_modules)
    subprocess.run([node_modules / ".bin" / "tsc"], cwd=client, check=True, timeout=300)
    argv = ["node", "build/main.js", tmp_path / "speech.wav", client.parents[1]]
    done = subprocess.run(argv, cwd=client, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    events = heard_by_agent(reference.load_contract(model), path, samples)
    assert [e["label"] for e in heard] == [e["label"] for e in events]
    assert [e["timeS"] for e in heard] == pytest.approx([(e["frame"] + 1) * frame_s(model) for e in events])
