"""Our module with the JIT archive's weights is the JIT archive, bit for bit."""

import numpy as np
import pytest
import soundfile
import torch

from orchestrator.make.models import reference
from orchestrator.make.models.silero import source
from orchestrator.make.models.stepping import open_session, step_through

SIZE, CONTEXT = 512, 64
# torch announces the end of TorchScript at every load.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    path = reference.manifest_path("kws").parent / "eval.opus"
    return soundfile.read(path, dtype="int16", frames=16_000 * 20)[0]


def test_equals_the_archive_bit_for_bit(audio: np.ndarray) -> None:
    found = source.source()
    ours, theirs = found.module.load(), torch.jit.load(str(source.data_folder() / "silero_vad.jit"))
    state, context, speech = torch.zeros(2, 1, 128), torch.zeros(1, CONTEXT), 0
    with torch.no_grad():
        for start in range(0, len(audio) - SIZE + 1, SIZE):
            chunk = torch.from_numpy(audio[start : start + SIZE].astype(np.float32) / 32768)[None]
            wanted = theirs(chunk, 16_000)
            told, state = ours(torch.cat([context, chunk], dim=1), state)
            context = chunk[:, -CONTEXT:]
            assert torch.equal(told, wanted)
            assert torch.equal(state, theirs._state)
            speech += int(told.item() > 0.5)
    assert speech > 100, "there is speech in it"


def test_equals_the_wheels_graph(audio: np.ndarray) -> None:
    found = source.source()
    module, state, greatest = found.module.load(), torch.zeros(2, 1, 128), 0.0
    context = np.zeros(CONTEXT, np.float32)
    graph = [o[0].item() for o in step_through(open_session(found.onnx_path), found.contract, audio, SIZE)]
    with torch.no_grad():
        for k, wanted in enumerate(graph):
            chunk = audio[k * SIZE : (k + 1) * SIZE].astype(np.float32) / 32768
            told, state = module(torch.from_numpy(np.concatenate([context, chunk]))[None], state)
            context, greatest = chunk[-CONTEXT:], max(greatest, abs(told.item() - wanted))
    assert greatest < 1e-5
