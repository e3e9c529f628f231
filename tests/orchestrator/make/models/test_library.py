import dataclasses
from pathlib import Path

import onnx
import pytest

from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models import builders, reference
from orchestrator.make.models.library import find_model, import_model, list_models
from tests import graphs


@pytest.fixture
def conv(tmp_path: Path) -> Path:
    return graphs.save(graphs.conv_graph(), tmp_path / "conv.onnx")


def test_import_then_find(conv: Path, tmp_path: Path) -> None:
    contract = graphs.conv_contract(graphs.conv_graph(), "my-conv")
    library = tmp_path / "library"
    imported = import_model(conv, contract, library)
    found = find_model("my-conv", library)
    assert found == imported
    assert found.contract == contract
    assert found.onnx_path.read_bytes() == conv.read_bytes()
    assert (found.manifest_path, found.lexicon_path, found.metric) == (None, None, None)
    assert [d.name for d in library.iterdir()] == ["my-conv"], "no scratch folder may stay"


def test_reference_models_are_found_and_listed(tmp_path: Path) -> None:
    names = [s.name for s in list_models(tmp_path / "absent")]
    assert names == [*reference.REFERENCE_MODELS, *builders.available()]
    kws = find_model("kws", tmp_path)
    assert kws.metric == "accuracy"
    assert kws.manifest_path is not None


def test_unknown_name_offers_the_nearest(conv: Path, tmp_path: Path) -> None:
    import_model(conv, graphs.conv_contract(graphs.conv_graph(), "my-conv"), tmp_path / "library")
    with pytest.raises(BadInput, match=r"no model 'my-cnov'; known are kws, digits-lstm, .*, my-conv") as error:
        find_model("my-cnov", tmp_path / "library")
    assert error.value.hint == "did you mean my-conv?"


def test_same_import_again_is_quiet_and_another_is_refused(conv: Path, tmp_path: Path) -> None:
    contract = graphs.conv_contract(graphs.conv_graph(), "m")
    library = tmp_path / "library"
    first = import_model(conv, contract, library)
    assert import_model(conv, contract, library) == first
    (library / "m" / "manifest.jsonl").write_text("{}\n")
    (library / "m" / "lexicon.csv").write_text("word,count\nhello,3\n")
    assert find_model("m", library).lexicon_path == library / "m" / "lexicon.csv"
    other = graphs.save(graphs.conv_graph(seed=1), tmp_path / "other.onnx")
    with pytest.raises(BadInput, match="the library has another model m"):
        import_model(other, contract, library)
    assert find_model("m", library).sha256 == first.sha256
    replaced = import_model(other, contract, library, replace=True)
    assert replaced.sha256 != first.sha256
    assert replaced.manifest_path is not None, "the evaluation set outlives a new graph"
    assert replaced.lexicon_path is not None, "so do its words"
    (library / contract.model / "contract.json").unlink()
    assert import_model(other, contract, library, replace=True).contract == contract, "a lost contract is mended"


@pytest.mark.parametrize("name", ["kws", "../escape", "", "A b"])
def test_names_that_cannot_be_used(conv: Path, tmp_path: Path, name: str) -> None:
    contract = dataclasses.replace(graphs.conv_contract(graphs.conv_graph()), model=name)
    with pytest.raises(BadInput):
        import_model(conv, contract, tmp_path / "library")


def test_failed_import_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(BadModel):
        import_model(tmp_path / "bad.onnx", graphs.conv_contract(graphs.conv_graph(), "m"), tmp_path / "library")
    assert list((tmp_path / "library").iterdir()) == []


def test_external_weights_become_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(graphs.conv_graph(), path, save_as_external_data=True, location="m.bin", size_threshold=0)
    source = import_model(path, graphs.conv_contract(graphs.conv_graph(), "m"), tmp_path / "library")
    assert sorted(f.name for f in source.onnx_path.parent.iterdir()) == ["contract.json", "model.onnx"]
    assert len(source.onnx_path.read_bytes()) > 1000


def test_a_path_needs_its_contract(conv: Path, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"has no contract\.json beside it"):
        find_model(str(conv), tmp_path)
    source = import_model(conv, graphs.conv_contract(graphs.conv_graph(), "m"), tmp_path / "library")
    assert find_model(str(source.onnx_path), tmp_path / "elsewhere") == source
    (source.onnx_path.parent / "contract.json").write_text('{"model": "m"}')
    with pytest.raises(BadModel, match="is no stream contract: StreamContract lacks"):
        find_model("m", tmp_path / "library")
