from pathlib import Path

import pytest

from orchestrator.decide.replay.matrix import COLUMNS, read_matrix
from orchestrator.errors import BadInput

HEADER = ",".join(COLUMNS)
ROW = "pixel-8,a,0,ok,5,1.5,3,0.1,40,,2.5,0.001"


def _write(folder: Path, *lines: str) -> Path:
    path = folder / "matrix.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_empty_cell_is_not_measured(tmp_path: Path) -> None:
    matrix = read_matrix(_write(tmp_path, HEADER, ROW, "pixel-8,a,1,failed,1,,,,,,2.5,"), None)
    first, second = matrix.rows["a"]
    assert first.figures == {
        "service_p50_ms": 1.5,
        "latency_p99_ms": 3.0,
        "rtf": 0.1,
        "peak_rss_mb": 40.0,
        "size_mb": 2.5,
        "quality_loss": 0.001,
    }
    assert (second.outcome, second.figures) == ("failed", {"size_mb": 2.5})
    assert matrix.entrants()[0].known == {"size_mb": 2.5, "quality_loss": 0.001}
    assert matrix.exhaustive_s(10) == 30.0


def test_columns_may_come_in_any_order_and_figures_may_lack(tmp_path: Path) -> None:
    path = _write(tmp_path, "run,candidate,device,service_p50_ms,duration_s,outcome", "0,a,d,1.5,5,ok")
    assert read_matrix(path, "d").rows["a"][0].figures == {"service_p50_ms": 1.5}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([HEADER], "has no rows"),
        (["device,candidate,run,outcome", "d,a,0,ok"], "line 1: column duration_s is missing"),
        ([HEADER + ",service_p50", ROW + ",1"], "unknown column 'service_p50': did you mean service_p50_ms?"),
        ([HEADER, ROW, ROW], "line 3: run 0 of a stands in line 2 already"),
        ([HEADER, ROW.replace(",ok,", ",good,")], "line 2: outcome must be one of ok, fallback, failed, throttled"),
        ([HEADER, ROW.replace("1.5", "fast")], "line 2: service_p50_ms must be a number, got 'fast'"),
        ([HEADER, ROW.replace("1.5", "nan")], "service_p50_ms must be a finite number > 0, got nan"),
        ([HEADER, ROW.replace("1.5", "0")], "service_p50_ms must be a finite number > 0, got 0"),
        ([HEADER, ROW.replace(",0,ok", ",-1,ok")], "run must be a whole number >= 0, got '-1'"),
        ([HEADER, ROW.replace(",ok,5,", ",ok,,")], "duration_s is empty"),
        ([HEADER, ROW + ",7"], "line 2: its number of cells is not that of the header"),
        ([HEADER, ROW, ROW.replace(",0,ok", ",1,ok").replace("2.5", "2.6")], "line 3: size_mb of a is 2.5 in line 2"),
    ],
)
def test_problems_with_their_lines(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_matrix(_write(tmp_path, *lines), None)
    assert said in caught.value.message


def test_the_device_must_be_named_among_several(tmp_path: Path) -> None:
    path = _write(tmp_path, HEADER, ROW, ROW.replace("pixel-8", "pixel-9"))
    with pytest.raises(BadInput, match="holds 2 devices"):
        read_matrix(path, None)
    with pytest.raises(BadInput, match="no device 'pixel-7'") as caught:
        read_matrix(path, "pixel-7")
    assert "did you mean" in str(caught.value.hint)
    assert list(read_matrix(path, "pixel-9").rows) == ["a"]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the matrix"):
        read_matrix(tmp_path / "absent.csv", None)
