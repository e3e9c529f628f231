"""A model that is quick to score: the keyword spotter under another name, with a short evaluation set."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agents.strict_json import to_json
from orchestrator.make.models import reference
from tests.hosts import make_ssh_host, ssh_host

__all__ = ["make_ssh_host", "ssh_host"]

TEST_CLIPS, CALIBRATION_CLIPS = 24, 6


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder whose library holds the model ``mini``."""
    folder = tmp_path / "earshot-results"
    model = folder / "models" / "mini"
    model.mkdir(parents=True)
    contract = replace(reference.load_contract("kws"), model="mini")
    (model / "contract.json").write_text(json.dumps(to_json(contract)))
    (model / "model.onnx").write_bytes(reference.onnx_path("kws").read_bytes())
    (model / "manifest.jsonl").write_text("".join(_lines()))
    return folder


def _lines() -> list[str]:
    manifest = reference.manifest_path("kws")
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for line in lines:
        line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
    wanted = {"test": TEST_CLIPS, "calibration": CALIBRATION_CLIPS}
    chosen = [line for split, count in wanted.items() for line in [x for x in lines if x["split"] == split][:count]]
    return [json.dumps(line) + "\n" for line in chosen]
