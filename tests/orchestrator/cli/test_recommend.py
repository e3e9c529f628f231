import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.recommend import recommend
from orchestrator.errors import BadInput

LEVELS = {"pixel-6": (2.0, 0.9), "pixel-8": (1.6, 0.6), "raspberry-pi-5": (3.0, 1.3)}


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    rows = ["device,candidate,run,outcome,duration_s,service_p50_ms,quality_loss"]
    for device, levels in LEVELS.items():
        for recipe, level in zip(("onnx:fp32", "onnx:int8-dynamic"), levels, strict=True):
            rows += [f"{device},kws {recipe} CPU 1t,{run},ok,2,{level * (1 + 0.01 * run)},0.001" for run in range(3)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_person_reads_that_it_is_predicted_how_sure_and_what_to_measure(matrix: Path) -> None:
    done = CliRunner().invoke(recommend, ["--matrix", str(matrix), "--phone", "Galaxy A54"])
    assert done.exit_code == 0, done.output
    for text in (
        "predicted for Samsung Galaxy A54: onnx:int8-dynamic CPU 1t",
        "times as fast as plain fp32",
        "measure next",
        "its profile does not tell: memory bandwidth",
        "each of them left out and predicted from the others (3)",
        "note: 3 device models are measured",
    ):
        assert text in done.output


def test_json_never_says_measured_of_a_prediction(matrix: Path) -> None:
    done = CliRunner().invoke(recommend, ["--matrix", str(matrix), "--phone", "Galaxy A54", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["basis"], said["predictions"][0]["basis"]) == ("predicted", "predicted")
    assert said["predictions"][0]["configurations"][0]["own_runs"] == 0
    assert said["held_out_error"] > 0
    assert said["measure_next"][0]["expected_regret"] >= said["measure_next"][-1]["expected_regret"]
    assert "galaxy-a54" in {one["device"] for one in said["measure_next"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--is", "bench"], "--is must be DEVICE=PROFILE, got 'bench'"),
        (["--is", "bench=pixel-8"], "no device 'bench' in the matrix"),
        (["--phone", "Nokia 3310"], "no device profile for 'Nokia 3310'"),
        (["--cores", "eight"], "cannot read the cores 'eight'"),
        (["--phone", "a", "--phone", "b", "--cores", "4xCortex-A55@2000"], "--cores describes one device"),
    ],
)
def test_bad_input(matrix: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(recommend, ["--matrix", str(matrix), *arguments])
    assert isinstance(done.exception, BadInput)
    assert said in done.exception.message
