"""Models without a file of their own: by name, and from a checkpoint's folder. No torch is needed to find one."""

import json
import sys
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, BadModel
from orchestrator.make.models import builders
from orchestrator.make.models.builders import Checkpoint
from orchestrator.make.models.library import find_model, import_checkpoint, list_models
from orchestrator.make.quality.evaluation import load_evaluation

QWEN2 = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 176,
    "vocab_size": 512,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
}
WHISPER = {
    "model_type": "whisper",
    "d_model": 64,
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "num_mel_bins": 128,
}


def checkpoint(folder: Path, config: dict[str, object]) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"weights")
    return str(folder)


@pytest.mark.parametrize(
    ("name", "samples", "input_shape", "output_shape"),
    [
        ("whisper-encoder", 16_000, (1, 80, 500), (1, 250, 384)),
        ("whisper-encoder-30s", 480_000, (1, 80, 3000), (1, 1500, 384)),
        ("distil-small", 16_000, (1, 80, 500), (1, 250, 768)),
        ("causal-lm", 2, (1, 1), (1, 1, 4096)),
        ("causal-lm-qwen2-0.5b", 2, (1, 1), (1, 1, 151_936)),
    ],
)
def test_random_weights_have_no_metric_and_say_so(
    name: str, samples: int, input_shape: tuple[int, ...], output_shape: tuple[int, ...], tmp_path: Path
) -> None:
    source = find_model(name, tmp_path)
    contract = source.contract
    assert (source.name, contract.chunk_samples) == (name, samples)
    assert contract.input.shape == contract.input_shape() == input_shape
    assert contract.outputs[0].shape == output_shape
    assert source.metric is None
    assert "only its speed" in (source.note or "")
    assert source.module is not None
    assert "torch" not in sys.modules


@pytest.mark.parametrize("name", ["whisper-encoder-30s", "causal-lm"])
def test_there_is_something_to_stream(name: str, tmp_path: Path) -> None:
    source = find_model(name, tmp_path)
    assert source.manifest_path is not None
    found = load_evaluation(source.manifest_path, source.contract.sample_rate_hz)
    for split in ("test", "calibration"):
        assert all(u.span.count >= source.contract.chunk_samples for u in found.utterances_of(split))


def test_a_checkpoint_is_remembered_by_its_folder(tmp_path: Path) -> None:
    library = tmp_path / "library"
    folder = checkpoint(tmp_path / "qwen", QWEN2)
    imported = import_checkpoint("my-lm", Checkpoint(folder), library)
    assert imported == find_model("my-lm", library)
    assert imported.contract.outputs[0].shape == (1, 1, 512)
    assert imported.contract.states[0].shape == (3, 2, 256, 16)
    assert imported.note is None
    assert [s.name for s in list_models(library)][-1] == "my-lm"
    (tmp_path / "qwen" / "model.safetensors").write_bytes(b"other weights")
    assert find_model("my-lm", library).sha256 != imported.sha256


def test_whisper_has_two_forms(tmp_path: Path) -> None:
    folder, library = checkpoint(tmp_path / "whisper", WHISPER), tmp_path / "library"
    hop = import_checkpoint("hop", Checkpoint(folder), library)
    batch = import_checkpoint("batch", Checkpoint(folder, "batch"), library)
    assert (hop.contract.input.shape, batch.contract.input.shape) == ((1, 128, 500), (1, 128, 3000))
    assert (hop.contract.chunk_s(), batch.contract.chunk_s()) == (1.0, 30.0)
    with pytest.raises(BadInput, match="has one form only, got --form batch"):
        import_checkpoint("lm", Checkpoint(checkpoint(tmp_path / "qwen", QWEN2), "batch"), library)


def test_a_taken_name_is_replaced_only_when_asked(tmp_path: Path) -> None:
    library = tmp_path / "library"
    one, two = (checkpoint(tmp_path / n, {**QWEN2, "vocab_size": size}) for n, size in (("a", 512), ("b", 1024)))
    import_checkpoint("my-lm", Checkpoint(one), library)
    with pytest.raises(BadInput, match="another model my-lm"):
        import_checkpoint("my-lm", Checkpoint(two), library)
    import_checkpoint("my-lm", Checkpoint(two), library, replace=True)
    assert find_model("my-lm", library).contract.outputs[0].shape == (1, 1, 1024)
    for own in ("causal-lm", "silero-vad"):
        with pytest.raises(BadInput, match=r"earshot's own"):
            import_checkpoint(own, Checkpoint(two), library)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "llama"}, "holds a 'llama' model; known are whisper, qwen2"),
        ({**QWEN2, "use_sliding_window": True}, "no use_sliding_window but the plain one"),
        ({**QWEN2, "rope_scaling": {"type": "yarn"}}, "no rope_type but the plain one"),
        ({**QWEN2, "num_key_value_heads": 3}, "shared the heads"),
        ({k: v for k, v in QWEN2.items() if k != "vocab_size"}, "lacks 'vocab_size'"),
        ({**WHISPER, "d_model": "wide"}, "config.json: invalid literal"),
    ],
)
def test_a_config_that_cannot_be_used(config: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=message):
        import_checkpoint("m", Checkpoint(checkpoint(tmp_path / "c", config)), tmp_path / "library")
    assert not (tmp_path / "library" / "m").exists()


def test_weights_in_several_files_are_refused(tmp_path: Path) -> None:
    folder = Path(checkpoint(tmp_path / "c", QWEN2))
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    with pytest.raises(BadModel, match=r"it has model-00001-of-00002\.safetensors"):
        builders.of_checkpoint("m", Checkpoint(str(folder)))


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"cannot read .*config\.json: No such file"):
        builders.of_checkpoint("m", Checkpoint(str(tmp_path)))
