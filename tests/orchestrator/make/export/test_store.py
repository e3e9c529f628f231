import json
from pathlib import Path

import pytest

from agents.contract import StreamContract
from agents.strict_json import from_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export import formats as formats_module
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import Exporter, export
from orchestrator.make.models.source import ModelSource
from tests import graphs

FP16 = Recipe.parse("onnx:fp16")


def stamp(artifact: Artifact) -> int:
    return artifact.path.stat().st_mtime_ns


def test_layout(conv: ModelSource, store: Path) -> None:
    artifact = export(conv, FP16, store)
    folder = store / artifact.sha256
    assert sorted(f.name for f in folder.iterdir()) == ["contract.json", "model.onnx", "provenance.json"]
    assert from_json(StreamContract, json.loads((folder / "contract.json").read_text())) == conv.contract
    record = json.loads((folder / "provenance.json").read_text())
    assert record["provenance"]["source_sha256"] == conv.sha256
    assert record["parity"]["passed"] is True
    assert sorted(f.name for f in store.iterdir()) == sorted([artifact.sha256, "index"]), "no scratch may stay"


def test_second_export_comes_from_the_store(conv: ModelSource, store: Path) -> None:
    first = export(conv, FP16, store)
    again = export(conv, FP16, store)
    assert again == first, "even the time of export is that of the first"
    assert stamp(again) == stamp(first)


def test_everything_that_matters_is_in_the_key(
    conv: ModelSource, lstm: ModelSource, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrations = [CalibrationStream((graphs.babble(0.5, s),)) for s in (0, 1)]
    keys = [
        Exporter(conv, store, None).key(FP16),
        Exporter(lstm, store, None).key(FP16),
        Exporter(conv, store, None).key(Recipe.parse("onnx:fp32")),
        *(Exporter(conv, store, c).key(FP16) for c in calibrations),
    ]
    monkeypatch.setattr(formats_module, "version", lambda name: "9.9.9")
    keys.append(Exporter(conv, store, None).key(FP16))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_harmed_artifact_is_made_again(conv: ModelSource, store: Path, harm: str) -> None:
    first = export(conv, FP16, store)
    content = first.path.read_bytes()
    if harm == "remove":
        first.path.unlink()
    else:
        first.path.write_bytes(content[:100] if harm == "truncate" else bytes([content[0] ^ 1]) + content[1:])
    again = export(conv, FP16, store)
    assert again.sha256 == first.sha256
    assert again.path.read_bytes() == content


def test_harmed_index_is_made_again(conv: ModelSource, store: Path) -> None:
    first = export(conv, FP16, store)
    (index,) = (store / "index").iterdir()
    index.write_text('{"model": "conv"')
    assert export(conv, FP16, store).sha256 == first.sha256
    assert json.loads(index.read_text())["sha256"] == first.sha256


def test_two_recipes_may_share_one_artifact(conv: ModelSource, store: Path) -> None:
    one, other = export(conv, FP16, store), export(conv, FP16.with_options(optimize="none"), store)
    assert (one.sha256, one.path) == (other.sha256, other.path)
    assert (str(one.recipe), str(other.recipe)) == ("onnx:fp16", "onnx:fp16(optimize=none)")
