"""Which models have errors by length, and why others have none."""

from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.make.models.library import find_model
from orchestrator.make.quality.drift_length import Silence
from orchestrator.workflows.drift import DriftSettings, _length_plan
from orchestrator.workflows.drift_artifact import Compared
from orchestrator.workflows.prepare import Prepared


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("digits-conformer", "the words of digits-conformer come of a search with its second graph"),
        ("gesture-rnnt", "errors by length are of labels and words; gesture-rnnt is scored by top3"),
        ("kws", "kws has no evaluation set with a split test"),
    ],
)
def test_a_model_whose_words_are_not_of_one_graph_has_none(tmp_path: Path, model: str, why: str) -> None:
    recipe = Recipe.parse("onnx:fp32")
    compared = Compared(Prepared(find_model(model, tmp_path), None), tmp_path / "model.onnx", "a" * 64, str(recipe))
    absent: dict[str, str] = {}
    assert _length_plan(compared, DriftSettings(model, recipe), Silence(0.0, 1), absent) is None
    assert absent["lengths"].startswith(why)
