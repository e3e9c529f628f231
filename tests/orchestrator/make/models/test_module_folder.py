import json
import tomllib
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models.library import find_model
from orchestrator.make.models.module_template import write_template
from orchestrator.make.quality.evaluation import load_evaluation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_template("tones", tmp_path / "mine")
    return tmp_path / "mine"


def edited(folder: Path, before: str, after: str) -> str:
    """The message about a model.toml with ``after`` in the place of ``before``."""
    path = folder / "model.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(BadModel) as caught:
        find_model(str(folder), folder)
    path.write_text(text)
    return caught.value.message


def test_the_template_is_a_model_as_it_is(folder: Path, tmp_path: Path) -> None:
    source = find_model(str(folder), tmp_path)
    assert (source.name, source.onnx_path, source.tflite_path) == ("tones", None, None)
    assert source.module is not None
    assert source.module.target == f"{(folder / 'model.py').resolve()}:build"
    assert source.metric == "accuracy"
    evaluation = load_evaluation(source.manifest_path or Path(), 16_000)
    assert {u.text for u in evaluation.utterances} == {"low", "high"}
    assert len(evaluation.utterances_of("test")) == 8
    assert len(evaluation.utterances_of("calibration")) == 4


def test_it_is_found_by_its_folders_name_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert find_model("mine", tmp_path / "none").name == "tones"


def test_another_line_of_code_is_another_model(folder: Path, tmp_path: Path) -> None:
    before = find_model(str(folder), tmp_path).sha256
    (folder / "model.py").write_text((folder / "model.py").read_text() + "# changed\n")
    assert find_model(str(folder), tmp_path).sha256 != before


def test_what_is_wrong_is_named(folder: Path) -> None:
    assert "unknown keys ['sample_rate']" in edited(folder, "sample_rate_hz", "sample_rate")
    assert "lacks ['module']" in edited(folder, "module =", "# module =")
    assert "names other.py, and there is no such file" in edited(folder, "model.py:build", "other.py:build")
    assert "must be among allowed_chunk_samples" in edited(folder, "[160, 320, 640]", "[160]")
    assert "frontend must be one of" in edited(folder, '"log-mel"\nwindow', '"mel"\nwindow')
    assert "model.toml: " in edited(folder, "name =", "name")


def test_a_folder_with_files_and_a_taken_name_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not empty"):
        write_template("tones", folder)
    with pytest.raises(BadInput, match="kws is a model of earshot's own"):
        write_template("kws", tmp_path / "other")
    with pytest.raises(BadInput, match="must match"):
        write_template("a b", tmp_path / "other")


def test_the_template_documents_every_key_that_a_declaration_has(folder: Path) -> None:
    text = (folder / "model.toml").read_text()
    for key in ("lexicon", "step_module", *tomllib.loads(text)):
        assert key in text


def test_nemos_classifiers_name_their_class_otherwise(tmp_path: Path, folder: Path) -> None:
    (clip, *_) = sorted((folder / "audio").iterdir())
    for key in ("label", "command", "text"):
        manifest = tmp_path / f"{key}.json"
        manifest.write_text(json.dumps({"audio_filepath": str(clip), "duration": 1.0, "offset": 0.0, key: "yes"}))
        assert [u.text for u in load_evaluation(manifest, 16_000).utterances] == ["yes"]
