"""Intel's build of ONNX Runtime, for real: its provider runs the graph, computes the same, and says what it left."""

from pathlib import Path

import pytest

from tests.vendors.runs import placed, placement, share_of

OPENVINO = "OpenVINOExecutionProvider"
IN = ("--environment", "openvino", "--ep", "OpenVINO")


def test_the_whole_graph_is_one_node_that_computes_what_the_cpu_does(lab: Path, results: Path) -> None:
    said = placement(lab, results, *IN)
    assert said["runtime"]["build"].startswith("onnxruntime-openvino 1.24.1: ")
    own = share_of(said, OPENVINO)
    assert (own["nodes"], own["time_share"], own["graph_nodes"]) == (1, 1.0, 47)
    assert [(o["op"], o["provider"]) for o in said["operators"]] == [("compiled subgraph", OPENVINO)]
    assert (said["fell_back"], said["fallback"], said["emulated"]) == (None, None, None)
    assert said["parity"]["snr_db"] > 100


def test_what_it_leaves_to_the_cpu_is_named(lab: Path, results: Path) -> None:
    said = placement(lab, results, *IN, "--recipe", "onnx:int8-dynamic(weight=u8)")
    assert "ConvInteger x 15" in said["fallback"]
    assert share_of(said, OPENVINO)["nodes"] > 1
    assert share_of(said, "CPUExecutionProvider")["operators"] == ["ConvInteger", "Slice"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--option", "ep.device_type=GPU"), "Device GPU is not available"),
        (("--option", "ep.precision=FP16"), "CPU only supports FP32, ACCURACY"),
        (
            ("--recipe", "onnx:int8-dynamic(weight=u8)", "--option", "session.disable_cpu_ep_fallback=1"),
            "fallback to CPU EP has been explicitly disabled",
        ),
    ],
)
def test_what_it_cannot_do_alone_is_refused_in_its_own_words(
    lab: Path, results: Path, options: tuple[str, ...], message: str
) -> None:
    done = placed(lab, results, *IN, *options)
    assert done.returncode != 0
    assert message in done.stderr


def test_options_reach_it(lab: Path, results: Path) -> None:
    said = placement(lab, results, *IN, "--option", "ep.precision=ACCURACY", "--option", "free_dimensions=fixed")
    assert said["fell_back"] is None
    assert share_of(said, OPENVINO)["graph_nodes"] == 47
