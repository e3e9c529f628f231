"""What a transducer's artifact is made of, as far as no torch is needed; the rest is in tests/export."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents.contract import StreamContract
from orchestrator.domain.artifact import GRAPH, LEXICON, STEP, Artifact, Part
from orchestrator.domain.recipe import OPTIONS, Recipe
from orchestrator.errors import BadRecipe
from orchestrator.make.export.exporter import Exporter, export
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.export.step_source import split, step_source
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource
from tests.agents.decode.toy_step import HIDDEN, LABELS, WIDTH, decoder, step_contract

FP32 = Recipe.parse("onnx:fp32")


@pytest.fixture
def transducer(conv: ModelSource, tmp_path: Path) -> ModelSource:
    """The convolution stack as encoder; its step module exists by name only."""
    (tmp_path / "lexicon.csv").write_text("word,count\nab,3\n")
    contract = replace(conv.contract, decoder=decoder(beam=2), search=step_contract(4))
    module = ModuleRef("somewhere:step")
    return replace(conv, contract=contract, step_module=module, lexicon_path=tmp_path / "lexicon.csv")


@pytest.mark.parametrize(
    ("recipe", "graph", "step"),
    [
        ("onnx:int8-dynamic", "onnx:int8-dynamic", "onnx:fp32"),
        ("onnx:int8-dynamic(step=int8-dynamic,weight=u8)", "onnx:int8-dynamic(weight=u8)", "onnx:int8-dynamic"),
        ("onnx:fp32(step=int8-joint)", "onnx:fp32", "onnx:int8-dynamic(exclude=recurrent)"),
        ("litert:fp32(step=fp16)", "litert:fp32", "litert:fp16"),
        ("qnn:int8-static", "qnn:int8-static", "qnn:fp16"),
    ],
)
def test_a_recipe_is_one_for_each_graph(recipe: str, graph: str, step: str) -> None:
    assert [str(r) for r in split(Recipe.parse(recipe))] == [graph, step]


def test_every_recipe_has_a_step_graph_s(transducer: ModelSource, store: Path) -> None:
    known = KnownArtifacts(transducer, store, None)
    for format_, precisions in OPTIONS.items():
        assert len({known.whole_key(Recipe(format_, precision)) for precision in precisions}) == len(precisions)


def test_a_model_without_a_step_graph_has_no_recipe_for_one(conv: ModelSource, store: Path) -> None:
    with pytest.raises(BadRecipe, match="is no transducer") as refused:
        export(conv, Recipe.parse("onnx:fp32(step=int8-dynamic)"), store)
    assert refused.value.hint == "leave step= out: onnx:fp32"


def test_the_step_graph_is_a_model_of_its_own(transducer: ModelSource) -> None:
    source = step_source(transducer, "onnx")
    assert source.contract.input.shape == (4, WIDTH)
    assert [s.shape for s in source.contract.states] == [(4, HIDDEN)]
    assert [o.shape for o in source.contract.outputs] == [(4, len(LABELS))]
    # Where shapes are fixed, no more hypotheses than the decoder keeps are computed.
    assert step_source(transducer, "litert").contract.input.shape == (2, WIDTH)


def parts(store: Path, transducer: ModelSource, graph: Artifact) -> dict[str, Part]:
    known = KnownArtifacts(transducer, store, None)
    lexicon = transducer.lexicon_path
    assert lexicon is not None
    step = known.store.put_file(b"the second graph", "model.onnx")
    return {GRAPH: graph.files[GRAPH], STEP: step, LEXICON: known.store.put_file(lexicon.read_bytes(), "lexicon.csv")}


def test_an_artifact_of_several_files_is_found_again(conv: ModelSource, transducer: ModelSource, store: Path) -> None:
    graph = export(conv, FP32, store)
    known = KnownArtifacts(transducer, store, None)
    assert known.find(FP32) is None
    made = parts(store, transducer, graph)
    whole = known.store.compose(known.whole_key(FP32), FP32, transducer.contract, graph.provenance, graph.parity, made)
    assert known.find(FP32) == whole
    assert whole.sha256 not in {part.sha256 for part in made.values()}
    assert whole.size_bytes == sum(part.size_bytes for part in made.values())
    assert whole.path == graph.path
    assert whole.files == made


def test_a_harmed_part_makes_it_unknown(conv: ModelSource, transducer: ModelSource, store: Path) -> None:
    graph = export(conv, FP32, store)
    known = KnownArtifacts(transducer, store, None)
    made = parts(store, transducer, graph)
    known.store.compose(known.whole_key(FP32), FP32, transducer.contract, graph.provenance, graph.parity, made)
    made[STEP].path.write_bytes(b"something else")
    assert known.find(FP32) is None


def test_the_lexicon_and_the_step_are_part_of_the_question(transducer: ModelSource, store: Path) -> None:
    lexicon = transducer.lexicon_path
    assert lexicon is not None
    keys = [KnownArtifacts(transducer, store, None).whole_key(r) for r in (FP32, FP32.with_options(step="fp16"))]
    lexicon.write_text("word,count\nab,4\n")
    keys.append(Exporter(transducer, store, None).whole_key(FP32))
    other = replace(transducer, step_module=ModuleRef("somewhere:step", ("else",)))
    keys.append(KnownArtifacts(other, store, None).whole_key(FP32))
    assert len(set(keys)) == 4


def test_a_contract_with_a_search_and_no_step_is_refused(conv: ModelSource) -> None:
    fields = {**vars(conv.contract), "decoder": decoder()}
    with pytest.raises(ValueError, match="need search"):
        StreamContract(**fields)
