"""A model packed on one host is the same model on another, or it is told why not."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from orchestrator.errors import BadModel, StoreError
from orchestrator.ledger.store.cache import Cache
from orchestrator.ledger.store.places import store_at
from orchestrator.make.models import builders, reference
from orchestrator.make.quality.audio import write_wav
from orchestrator.workflows.farm.depot import Depot, open_parcel, ready_from_parcel
from orchestrator.workflows.farm.parcel import Packed, pack
from orchestrator.workflows.prepare import prepare_model
from tests.orchestrator.workflows.mini import add_mini, add_tflite
from tests.orchestrator.workflows.module_folder import add_module_folder

MODULE = """
import numpy
def build():
    raise RuntimeError("nobody needs torch to pack it")
"""


def _packed(name: str, models: Path) -> Packed:
    return pack(name, prepare_model(name, models), models)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A library with ``mini``, whose evaluation set is one short file that lies elsewhere."""
    _add_mini(tmp_path / "earshot-results", tmp_path)
    return tmp_path / "earshot-results"


def _add_mini(results: Path, audio: Path) -> Path:
    model = add_mini(results)
    _listen_to_silence(model / "manifest.jsonl", audio)
    return model


def _listen_to_silence(manifest: Path, audio: Path) -> None:
    write_wav(audio / "speech.wav", np.zeros(16_000, np.int16), 16_000)
    lines = [{"audio_filepath": str(audio / "speech.wav"), "text": "yes", "split": s} for s in ("test", "calibration")]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    return Depot(tmp_path / "elsewhere", Cache(tmp_path / "elsewhere" / "cache", store_at(f"file://{tmp_path}/store")))


def _sha256(name: str, models: Path) -> str:
    return prepare_model(name, models).source.sha256


def _sent(packed: Packed, depot: Depot) -> str:
    assert depot.cache.store is not None
    return packed.send(depot.cache.store)


def test_an_imported_model_is_the_same_elsewhere(results: Path, depot: Depot, tmp_path: Path) -> None:
    add_tflite(results / "models" / "mini")
    here = prepare_model("mini", results / "models")
    sha256 = _sent(_packed("mini", results / "models"), depot)
    shutil.rmtree(results)
    there = open_parcel(depot, sha256)
    assert there.source.name == "mini"
    assert there.source.sha256 == here.source.sha256
    assert there.source.contract == here.source.contract
    assert there.source.tflite_path is not None
    assert there.evaluation is not None
    assert here.evaluation is not None
    assert there.evaluation.sha256 == here.evaluation.sha256, "though its recordings lay elsewhere"
    ready = ready_from_parcel(depot, sha256, tmp_path / "scratch")
    assert ready.audio[0].is_file()


def test_the_same_model_is_the_same_parcel(results: Path, tmp_path: Path) -> None:
    _add_mini(tmp_path / "other", tmp_path)
    one, other = (_packed("mini", folder / "models") for folder in (results, tmp_path / "other"))
    assert one.sha256 == other.sha256


def test_one_name_for_two_models_is_never_mixed_up(results: Path, depot: Depot, tmp_path: Path) -> None:
    other = _add_mini(tmp_path / "other", tmp_path) / "contract.json"
    other.write_text(json.dumps({**json.loads(other.read_text()), "lookahead_samples": 160}))
    parcels = [_sent(_packed("mini", folder / "models"), depot) for folder in (results, tmp_path / "other")]
    first, second = (open_parcel(depot, sha256).source for sha256 in parcels)
    assert first.sha256 == second.sha256
    assert first.contract != second.contract
    assert open_parcel(depot, parcels[0]).source.contract == first.contract


@pytest.fixture
def own_kws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Earshot's kws, with little to listen to."""
    folder = tmp_path / "kws"
    shutil.copytree(reference.REFERENCE_MODELS["kws"], folder, ignore=shutil.ignore_patterns("*.opus"))
    _listen_to_silence(folder / "manifest.jsonl", tmp_path)
    monkeypatch.setitem(reference.REFERENCE_MODELS, "kws", folder)
    return folder


def test_a_model_of_earshots_own_travels_by_its_name(own_kws: Path, depot: Depot, tmp_path: Path) -> None:
    packed = _packed("kws", tmp_path)
    assert packed.parcel.files == {}
    there = open_parcel(depot, _sent(packed, depot))
    assert there.source.onnx_path == own_kws / "model.onnx"


def test_another_earshots_model_is_told(own_kws: Path, depot: Depot, tmp_path: Path) -> None:
    sha256 = _sent(_packed("kws", tmp_path), depot)
    (own_kws / "model.tflite").write_bytes(b"of another version")
    with pytest.raises(BadModel, match="kws is another model here") as told:
        open_parcel(depot, sha256)
    assert told.value.hint == "install the same earshot on both hosts"


def test_an_evaluation_set_that_sounds_otherwise_is_told(own_kws: Path, depot: Depot, tmp_path: Path) -> None:
    sha256 = _sent(_packed("kws", tmp_path), depot)
    write_wav(tmp_path / "speech.wav", np.ones(16_000, np.int16), 16_000)
    with pytest.raises(BadModel, match="the evaluation set of kws sounds otherwise"):
        open_parcel(depot, sha256)


def test_a_graph_with_its_weights_outside(depot: Depot, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    model = onnx.load(reference.onnx_path("kws"))
    onnx.save(model, folder / "net.onnx", save_as_external_data=True, location="net.weights", size_threshold=64)
    shutil.copy(reference.onnx_path("kws").with_name("contract.json"), folder)
    packed = _packed(str(folder / "net.onnx"), tmp_path)
    assert sorted(packed.parcel.files) == ["contract.json", "net.onnx", "net.weights"]
    there = open_parcel(depot, _sent(packed, depot))
    assert there.source.sha256 == _sha256(str(folder / "net.onnx"), tmp_path)
    assert there.evaluation is None


def test_a_module_is_the_same_wherever_it_lies(depot: Depot, tmp_path: Path) -> None:
    packed = _packed(str(add_module_folder(tmp_path / "here", MODULE)), tmp_path)
    assert sorted(packed.parcel.files) == ["model.toml", "net.py", "weights.bin"]
    there = open_parcel(depot, _sent(packed, depot)).source
    assert there.sha256 == _sha256(str(tmp_path / "here"), tmp_path)
    assert there.module is not None
    assert str(depot.folder) in there.module.target


def test_code_that_cannot_travel_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"names json\.decoder:JSONDecoder, a module of a package") as told:
        _packed(str(add_module_folder(tmp_path / "package", MODULE, module="json.decoder:JSONDecoder")), tmp_path)
    assert told.value.hint is not None
    assert "file.py:function" in told.value.hint
    (folder := add_module_folder(tmp_path / "beside", f"import layers\n{MODULE}")).joinpath("layers.py").touch()
    with pytest.raises(BadModel, match=r"imports layers, and .*model\.toml does not name layers\.py"):
        _packed(str(folder), tmp_path)
    (tmp_path / "far.bin").touch()
    with pytest.raises(BadModel, match="lies outside of"):
        _packed(str(add_module_folder(tmp_path / "outside", MODULE, files=["../far.bin"])), tmp_path)


def test_a_checkpoint_is_the_same_wherever_its_folder_lies(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.make.models.whisper.source._MANIFEST", tmp_path / "manifest.jsonl")
    _listen_to_silence(tmp_path / "manifest.jsonl", tmp_path)
    checkpoint = tmp_path / "somewhere" / "tiny"
    checkpoint.mkdir(parents=True)
    said = {"model_type": "whisper", "num_mel_bins": 80, "d_model": 8, "encoder_layers": 1}
    said |= {"encoder_attention_heads": 2, "encoder_ffn_dim": 16, "max_source_positions": 1500}
    (checkpoint / "config.json").write_text(json.dumps(said))
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    entry = tmp_path / "models" / "mine"
    entry.mkdir(parents=True)
    builders.keep(builders.Checkpoint(str(checkpoint), "batch"), entry)
    packed = _packed("mine", tmp_path / "models")
    there = open_parcel(depot, _sent(packed, depot)).source
    assert there.name == "mine"
    assert there.sha256 == _sha256("mine", tmp_path / "models")
    assert there.contract.chunk_samples == 30 * 16_000


@pytest.mark.parametrize("name", ["../../escaped", "/etc/escaped", "a/../../escaped"])
def test_a_parcel_writes_nowhere_else(results: Path, depot: Depot, name: str, tmp_path: Path) -> None:
    packed = _packed("mini", results / "models")
    packed.parcel.files[name] = packed.parcel.files["contract.json"]
    with pytest.raises(BadModel, match="below its own folder"):
        open_parcel(depot, _sent(packed, depot))
    assert list(tmp_path.rglob("*escaped*")) == []


def test_a_parcel_that_is_not_there_or_not_one(depot: Depot, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no file"):
        open_parcel(depot, "0" * 64)
    (tmp_path / "other").write_text('{"form": "own", "surprise": 1}')
    with pytest.raises(BadModel, match="cannot read parcel"):
        open_parcel(depot, depot.cache.keep(tmp_path / "other"))


def test_what_was_damaged_at_the_site_comes_again(results: Path, depot: Depot) -> None:
    sha256 = _sent(_packed("mini", results / "models"), depot)
    graph = open_parcel(depot, sha256).source.onnx_path
    assert graph is not None
    graph.chmod(0o644)
    graph.write_bytes(b"damaged")
    assert open_parcel(depot, sha256).source.name == "mini"
    assert graph.read_bytes() == reference.onnx_path("kws").read_bytes()
