"""digits-quartznet by its PyTorch module."""

import numpy as np
import pytest
import torch

from orchestrator.make.export.module_graphs import ModuleGraphs
from orchestrator.make.models import reference
from orchestrator.make.models.reference import modules
from orchestrator.make.models.reference.digits_quartznet import contract as committed
from orchestrator.make.models.reference.digits_quartznet.model import CHANNELS, STRIDE, QuartzNet
from orchestrator.make.models.reference_source import reference_source
from orchestrator.make.quality.evaluation import load_evaluation
from orchestrator.make.quality.heard import heard
from orchestrator.make.quality.scoring import score

NAME = "digits-quartznet"
# As the README beside the models has it.
WER = 0.0354


@pytest.fixture(scope="module")
def module() -> QuartzNet:
    made: QuartzNet = modules.load(NAME)
    return made


def test_contract_and_manifest_are_made_again() -> None:
    assert committed.contract() == reference.load_contract(NAME)
    assert committed.manifest() == reference.manifest_path(NAME).read_text()


def test_it_has_the_size_that_is_told(module: QuartzNet) -> None:
    assert sum(p.numel() for p in module.parameters()) == 215_435
    assert CHANNELS == 128


@pytest.mark.parametrize("chunk_frames", [2, 4, 8])
def test_chunks_give_what_the_whole_gives(module: QuartzNet, chunk_frames: int) -> None:
    frames = torch.randn(1, 128, 40, generator=torch.Generator().manual_seed(1)) * 3 - 6
    with torch.no_grad():
        whole = module(frames, *module.fresh_state())[0]
        state, pieces = module.fresh_state(), []
        for at in range(0, 128, chunk_frames):
            logits, *state = module(frames[:, at : at + chunk_frames], *state)
            pieces.append(logits)
    assert whole.shape == (1, 128 // STRIDE, 11)
    assert (torch.cat(pieces, 1) - whole).abs().max() < 1e-4


def test_it_looks_back_only(module: QuartzNet) -> None:
    frames = torch.zeros(1, 64, 40) - 6
    other = frames.clone()
    other[:, 32:] += 5
    with torch.no_grad():
        one, two = (module(x, *module.fresh_state())[0] for x in (frames, other))
    assert torch.equal(one[:, :16], two[:, :16])
    assert not torch.equal(one[:, 16:], two[:, 16:])


def test_unseen_voices_are_heard_as_well_as_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = reference_source(NAME)
    folder = tmp_path_factory.mktemp("quartznet")
    graph = ModuleGraphs(source, folder).onnx()
    assert source.manifest_path is not None
    evaluation = load_evaluation(source.manifest_path, source.contract.sample_rate_hz, folder / "decoded")
    found = score("s", "c", source.contract, evaluation, "test", heard(graph.path, source.contract, evaluation, "test"))
    assert found.metric == "wer"
    assert np.isclose(found.value, WER, atol=0.002)
