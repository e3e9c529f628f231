"""Our encoder computes what transformers' does with the same weights."""

from pathlib import Path

import pytest
import torch

from orchestrator.make.models.whisper.model import load, sinusoids

pytestmark = pytest.mark.filterwarnings("ignore")


def test_equals_transformers(tmp_path: Path) -> None:
    from transformers import WhisperConfig, WhisperModel

    torch.manual_seed(5)
    decoder = {"decoder_layers": 1, "decoder_attention_heads": 4, "decoder_ffn_dim": 64}
    config = WhisperConfig(d_model=64, encoder_layers=3, encoder_attention_heads=4, encoder_ffn_dim=128, **decoder)
    theirs = WhisperModel(config).eval()
    for name, parameter in theirs.encoder.named_parameters():
        if "embed_positions" not in name:
            torch.nn.init.normal_(parameter, mean=float("norm" in name and "weight" in name), std=0.1)
    theirs.save_pretrained(tmp_path)
    mels = torch.randn(1, 80, 3000)
    ours = load(str(tmp_path)).eval()
    with torch.no_grad():
        wanted, (found,) = theirs.encoder(mels).last_hidden_state, ours(mels)
    assert found.shape == (1, 1500, 64)
    assert (found - wanted).abs().max() <= 1e-4 * max(1.0, float(wanted.abs().max()))


def test_positions_are_whispers() -> None:
    from transformers.models.whisper.modeling_whisper import sinusoids as theirs

    assert (sinusoids(1500, 384) - theirs(1500, 384)).abs().max() < 1e-3


def test_a_shorter_window_gives_fewer_positions() -> None:
    model = load("whisper-tiny").eval()
    with torch.no_grad():
        (found,) = model(torch.randn(1, 80, 500))
    assert found.shape == (1, 250, 384)
    assert torch.isfinite(found).all()
    again = load("whisper-tiny")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
