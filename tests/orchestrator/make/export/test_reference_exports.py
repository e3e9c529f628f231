"""The reference models with their own calibration recordings: what an export costs them in precision."""

import json
from pathlib import Path

import pytest
import soundfile

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter
from orchestrator.make.models.library import find_model
from orchestrator.make.models.source import ModelSource

LIMIT = 20


def recordings(source: ModelSource) -> CalibrationStream:
    assert source.manifest_path is not None
    rows = [json.loads(line) for line in source.manifest_path.read_text().splitlines()]
    chosen = [r for r in rows if r["split"] == "calibration"][:LIMIT]
    rate = source.contract.sample_rate_hz
    utterances = []
    for row in chosen:
        path = source.manifest_path.parent / row["audio_filepath"]
        start, frames = round(row["offset"] * rate), round(row["duration"] * rate)
        utterances.append(soundfile.read(path, start=start, frames=frames, dtype="int16")[0])
    return CalibrationStream(tuple(utterances), max_feeds=100)


@pytest.mark.parametrize(
    ("name", "least_snr_db"),
    [
        ("kws", {"onnx:fp16": 45, "onnx:int8-qdq(granularity=channel,reduce_range=yes)": 20}),
        ("digits-lstm", {"onnx:fp16": 45, "onnx:int8-dynamic(granularity=channel,reduce_range=yes)": 25}),
    ],
)
def test_precision_of_the_reference_models(name: str, least_snr_db: dict[str, float], tmp_path: Path) -> None:
    source = find_model(name, tmp_path)
    exporter = Exporter(source, tmp_path / "artifacts", recordings(source))
    plain = exporter.export(Recipe.parse("onnx:fp32"))
    assert plain.sha256 == source.sha256
    assert plain.parity.max_abs <= 1e-4
    for recipe, least in least_snr_db.items():
        artifact = exporter.export(Recipe.parse(recipe))
        assert artifact.parity.snr_db is not None
        assert artifact.parity.snr_db >= least
        assert artifact.size_bytes < 0.6 * plain.size_bytes
