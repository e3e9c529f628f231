import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.simulate import simulate_
from orchestrator.errors import BadInput

HEADER = "device,candidate,run,outcome,duration_s,service_p50_ms,size_mb,quality_loss"
ROWS = [
    f"pixel-8,{name},{run},ok,5,{level * (1 + 0.01 * (run % 3 - 1)):.4f},1,{loss}"
    for name, level, loss in (("fp32", 4.0, 0.0), ("int8", 2.0, 0.004), ("int4", 1.0, 0.2))
    for run in range(6)
]


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_json_has_what_a_program_needs(matrix: Path) -> None:
    done = CliRunner().invoke(simulate_, ["--matrix", str(matrix), "--max", "quality_loss=0.01", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["winner"], said["verdict"]) == ("int8", "winner")
    assert said["rejected"]["int4"] == "quality_loss 0.2 is above 0.01"
    assert said["rejected"]["fp32"].startswith("service_p50_ms 3.9")
    assert said["exhaustive_device_minutes"] == 2.5
    assert 0 < said["device_minutes"] <= 2.5
    assert said["runs"] * 5 / 60 == pytest.approx(said["device_minutes"])


def test_a_person_sees_the_winner_and_every_reason(matrix: Path) -> None:
    done = CliRunner().invoke(simulate_, ["--matrix", str(matrix), "--max", "quality_loss=0.01"])
    assert "int8" in done.output
    assert "quality_loss 0.2 is above 0.01" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max", "quality_loss"], "--max must be METRIC=LIMIT, got 'quality_loss'"),
        (["--max", "quality_loss=low"], "--max must be METRIC=LIMIT"),
        (["--minimize", "speed"], "unknown metric 'speed'"),
        (["--drift", "2"], "drift must be a share in 0..1, got 2.0"),
        (["--budget-minutes", "0"], "the budget must be > 0 minutes, got 0"),
        (["--device", "pixel-9"], "no device 'pixel-9'"),
    ],
)
def test_bad_input(matrix: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(simulate_, ["--matrix", str(matrix), *arguments])
    assert isinstance(done.exception, BadInput)
    assert said in done.exception.message
