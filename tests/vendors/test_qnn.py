"""Qualcomm's plug-in provider with the simulator of its processor, for real: what it takes, and what it refuses."""

from pathlib import Path

import pytest

from tests.vendors.runs import placed, placement, share_of

QNN = "QNNExecutionProvider"
IN = ("--environment", "qnn", "--ep", "QNN")


@pytest.mark.parametrize("recipe", ["onnx:int8-qdq", "onnx:int8-qdq(operators=all)", "onnx:fp16"])
def test_a_graph_without_floats_of_32_bits_runs_on_the_simulated_processor(
    lab: Path, results: Path, recipe: str
) -> None:
    said = placement(lab, results, *IN, "--recipe", recipe)
    own = share_of(said, QNN)
    assert (own["nodes"], own["time_share"] > 0.99, said["fell_back"]) == (1, True, None)
    assert said["runtime"]["build"].startswith("onnxruntime 1.31.1 + onnxruntime-qnn 2.7.0: ")
    assert said["emulated"].startswith("QNNExecutionProvider on x86_64")
    assert 20 < said["parity"]["snr_db"] < 100, "rounded elsewhere, and not garbage"
    if recipe != "onnx:fp16":
        assert "QNN EP is configured to not take Q nodes that consume a graph input" in said["fallback"]


@pytest.mark.parametrize("recipe", ["onnx:fp32", "onnx:int8-dynamic(weight=u8)"])
def test_what_it_cannot_finalize_is_refused_with_its_code(lab: Path, results: Path, recipe: str) -> None:
    done = placed(lab, results, *IN, "--recipe", recipe)
    assert done.returncode != 0
    assert "Failed to finalize QNN graph" in done.stderr
    assert "1002" in done.stderr


def test_open_dimensions_send_the_whole_graph_to_the_cpu_and_that_is_told(lab: Path, results: Path) -> None:
    said = placement(lab, results, *IN, "--option", "free_dimensions=open")
    assert said["providers_registered"][0] == QNN, "it is registered, and runs nothing"
    assert said["fell_back"].startswith(f"{QNN} ran no node, CPUExecutionProvider ran the model")
    assert "Cannot get shape" in said["fell_back"]
