"""A model that is quick to score: the keyword spotter under another name, with a short evaluation set."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.strict_json import to_json
from orchestrator.make.models import reference
from orchestrator.workflows import again, race
from tests.orchestrator.workflows.patient import PATIENT

TEST_CLIPS, CALIBRATION_CLIPS = 24, 6


def add_mini(results: Path, name: str = "mini") -> Path:
    """The model's folder in the library of ``results``."""
    model = results / "models" / name
    model.mkdir(parents=True)
    contract = replace(reference.load_contract("kws"), model=name)
    (model / "contract.json").write_text(json.dumps(to_json(contract)))
    (model / "model.onnx").write_bytes(reference.onnx_path("kws").read_bytes())
    (model / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in manifest_lines()))
    return model


def however_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions count however late this machine was: for tests of what is done, not of figures."""
    for decides in (race, again):
        monkeypatch.setattr(decides, "Policy", PATIENT)


def add_tflite(model: Path) -> None:
    """The same model for LiteRT, beside the graph."""
    shutil.copy(reference.onnx_path("kws").with_name("model.tflite"), model)


def manifest_lines() -> list[dict[str, Any]]:
    """A few clips of each split, their paths absolute."""
    manifest = reference.manifest_path("kws")
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for line in lines:
        line["audio_filepath"] = str(manifest.parent / line["audio_filepath"])
    wanted = {"test": TEST_CLIPS, "calibration": CALIBRATION_CLIPS}
    return [line for split, count in wanted.items() for line in [x for x in lines if x["split"] == split][:count]]
