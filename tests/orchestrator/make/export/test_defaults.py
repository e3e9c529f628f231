from pathlib import Path

import onnx
import pytest

from orchestrator.make.export.default_onnx import weight_shares
from orchestrator.make.export.defaults import all_recipes, default_recipes
from orchestrator.make.export.formats import FORMATS
from orchestrator.make.models.library import find_model
from orchestrator.make.models.source import ModelSource


def texts(source: ModelSource) -> list[str]:
    return [str(r) for r in default_recipes(source)]


def test_convolutions(conv: ModelSource) -> None:
    recipes = texts(conv)
    assert recipes[0] == "onnx:fp32", "the default that gains are stated against comes first"
    assert not any("-weight" in r for r in recipes)
    assert sum("int8-qdq" in r for r in recipes) >= 5
    assert len(recipes) == len(set(recipes))


def test_lstm_is_not_quantized_statically(lstm: ModelSource) -> None:
    recipes = texts(lstm)
    assert not any("qdq" in r or "qoperator" in r for r in recipes)
    assert sum("int8-dynamic" in r for r in recipes) >= 4


def test_shares_add_up(lstm: ModelSource) -> None:
    shares = weight_shares(onnx.load(lstm.onnx_path))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["LSTM"] > 0.9
    assert shares["Conv"] == 0


def test_weights_in_constant_nodes_count_too(conv: ModelSource, tmp_path: Path) -> None:
    model = onnx.load(conv.onnx_path)
    for weight in model.graph.initializer:
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], [weight.name], value=weight))
    del model.graph.initializer[:]
    before = weight_shares(onnx.load(conv.onnx_path))
    assert weight_shares(model) == before
    assert before["Conv"] == 1.0


def test_of_the_reference_models(tmp_path: Path) -> None:
    for name, kept in (("kws", "CONV_2D+DEPTHWISE_CONV_2D"), ("digits-lstm", "FULLY_CONNECTED")):
        recipes = texts(find_model(name, tmp_path))
        assert 8 <= sum(r.startswith("onnx:") for r in recipes) <= 14
        assert [r for r in recipes if r.startswith("litert:")] == [
            "litert:fp32",
            "litert:fp16",
            "litert:int8-dynamic",
            "litert:int8-static",
            f"litert:int8-static(only_types={kept})",
        ]


def test_a_check_tries_every_format_there_is(tmp_path: Path) -> None:
    for name in ("kws", "digits-conformer", "causal-lm"):
        recipes = all_recipes(find_model(name, tmp_path))
        assert {r.format for r in recipes} == set(FORMATS)
        assert len(recipes) == len(set(recipes))


def test_a_transducer_has_pairs_of_precisions(tmp_path: Path) -> None:
    def steps(name: str) -> set[str]:
        return {r.get("step", "") for r in all_recipes(find_model(name, tmp_path)) if r.format == "onnx"}

    assert steps("digits-conformer") == {"", "int8-joint", "int8-dynamic"}
    assert steps("kws") == {""}


def test_without_a_metric_few_are_tried(tmp_path: Path) -> None:
    recipes = all_recipes(find_model("causal-lm", tmp_path))
    assert [str(r) for r in recipes if r.format in ("onnx", "litert")] == [
        "onnx:fp32",
        "onnx:int8-dynamic",
        "litert:fp32",
        "litert:int8-dynamic",
    ]
    assert all(sum(r.format == f for r in recipes) <= 2 for f in FORMATS)


def test_what_no_tool_here_can_make_is_not_tried_in_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert {r.format for r in default_recipes(find_model("kws", tmp_path))} == {"onnx", "litert"}
    assert default_recipes(find_model("digits-quartznet", tmp_path)) == ()
