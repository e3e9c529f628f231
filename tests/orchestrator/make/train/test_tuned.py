"""Weights that were learned, kept by their hash, and the recipes that name them."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadModel, BadRecipe
from orchestrator.make.export.exporter import export
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.export.parallel import export_all
from orchestrator.make.models.library import find_model
from orchestrator.make.models.source import ModelSource
from orchestrator.make.train.tuned import keep, source_of, with_tuned
from orchestrator.workflows.learn_weights import why_not_learned


@pytest.fixture
def kws(tmp_path: Path) -> ModelSource:
    return find_model("kws", tmp_path / "models")


def test_kept_weights_are_known_by_the_beginning_of_their_hash(kws: ModelSource, tmp_path: Path) -> None:
    name = keep(b"weights", tmp_path / "trained")
    assert name == keep(b"weights", tmp_path / "trained")
    assert name.startswith("qat-")
    known = with_tuned(kws, tmp_path / "trained")
    assert list(known.tuned) == [name]
    tuned = source_of(known, Recipe.parse(f"onnx:fp32(weights={name})"))
    assert tuned.module is not None
    assert known.tuned[name] in tuned.module.files
    assert (tuned.onnx_path, tuned.tflite_path, tuned.tuned) == (None, None, {})
    assert tuned.sha256 != kws.sha256
    assert source_of(known, Recipe.parse("onnx:fp32")) is known
    assert with_tuned(kws, tmp_path / "nobody trained") is kws


def test_weights_that_nobody_kept(kws: ModelSource, tmp_path: Path) -> None:
    recipe = Recipe.parse("onnx:int8-qdq(weights=qat-0123456789ab)")
    with pytest.raises(BadRecipe, match=r"no weights qat-0123456789ab of kws; .* none") as refused:
        export(kws, recipe, tmp_path / "artifacts")
    assert "earshot models train kws --qat" in str(refused.value.hint)
    (outcome,) = export_all(kws, [recipe], tmp_path / "artifacts")
    assert isinstance(outcome, ExportRefusal)
    assert "no weights qat-0123456789ab" in outcome.reason


def test_weights_that_are_not_what_was_learned(kws: ModelSource, tmp_path: Path) -> None:
    name = keep(b"weights", tmp_path)
    (tmp_path / f"{name}.safetensors").write_bytes(b"others")
    with pytest.raises(BadModel, match="is not what was learned"):
        source_of(with_tuned(kws, tmp_path), Recipe.parse(f"onnx:fp32(weights={name})"))


def test_other_weights_are_another_question_to_the_store(kws: ModelSource, tmp_path: Path) -> None:
    source = with_tuned(kws, tmp_path / "trained")
    source.tuned.update({keep(b"some", tmp_path / "trained"): tmp_path})
    plain, named = (Recipe.parse(f"onnx:fp32{more}") for more in ("", "(weights=qat-0123456789ab)"))
    known = KnownArtifacts(kws, tmp_path / "artifacts", None)
    made = export(kws, plain, tmp_path / "artifacts")
    assert known.find(plain) == made
    assert known.find(named) is None


def test_why_nothing_can_be_learned(kws: ModelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not_learned(kws, 0) == "--qat-steps is 0"
    assert why_not_learned(replace(kws, module=None), 1) == "kws is a graph, and only a PyTorch module learns"
    assert "names no function" in str(why_not_learned(replace(kws, name="mine"), 1))
    named = replace(kws, name="mine", lessons="mine.py:lessons")
    monkeypatch.setattr("orchestrator.workflows.learn_weights.find_spec", lambda name: None if name == "torch" else 1)
    assert why_not_learned(named, 1) == "torch missing: pip install 'earshot[export]'"
    monkeypatch.setattr("orchestrator.workflows.learn_weights.find_spec", lambda name: 1)
    assert why_not_learned(named, 1) is None
