from pathlib import Path

import pytest

from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from tests import graphs


@pytest.fixture(scope="session")
def conv(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A causal convolution stack, chunks of 2, 4 or 8 frames."""
    model = graphs.conv_graph()
    path = graphs.save(model, tmp_path_factory.mktemp("conv") / "conv.onnx")
    return ModelSource("conv", graphs.conv_contract(model), path, model_sha256(path), None)


@pytest.fixture(scope="session")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    path = graphs.save(graphs.lstm_graph(), tmp_path_factory.mktemp("lstm") / "lstm.onnx")
    return ModelSource("lstm", graphs.lstm_contract(), path, model_sha256(path), None)


@pytest.fixture(scope="session")
def calibration() -> CalibrationStream:
    return CalibrationStream(tuple(graphs.babble(1.0, seed) for seed in range(3)), max_feeds=60)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"
