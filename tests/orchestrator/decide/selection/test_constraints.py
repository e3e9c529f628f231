from pathlib import Path

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import OBJECTIVES, Objective
from orchestrator.decide.selection.reading import read_selection
from orchestrator.domain.decision import METRIC_OF, METRICS
from orchestrator.errors import BadInput


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "limits.toml"
    path.write_text('minimize = "memory"\n[constraints]\nmax_p99_ms = 20\nmax-size-mb = 5.5\n', encoding="utf-8")
    return path


def test_every_limit_and_objective_is_a_metric() -> None:
    assert set(METRIC_OF.values()) | set(OBJECTIVES.values()) <= set(METRICS)
    assert set(METRIC_OF) | {"goals", "real_time", "quality_asked"} == set(Constraints.__dataclass_fields__)


def test_without_a_word_latency_is_minimized_and_quality_is_kept() -> None:
    objective, constraints = read_selection({"minimize": None, "max_p99_ms": None})
    assert (objective.metric, constraints.limits()) == ("latency_p50_ms", {"max_quality_loss": 0.01})


def test_a_file_is_read(file: Path) -> None:
    objective, constraints = read_selection({}, file)
    assert objective == Objective("memory")
    assert constraints.limits() == {"max_p99_ms": 20.0, "max_size_mb": 5.5, "max_quality_loss": 0.01}


def test_flags_win_over_the_file(file: Path) -> None:
    objective, constraints = read_selection({"minimize": "size", "max-p99-ms": 7, "max_size_mb": None}, file)
    assert objective == Objective("size")
    assert constraints == Constraints(max_p99_ms=7.0, max_size_mb=5.5)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"minimize": "latencies"}, r"latencies.*did you mean latency"),
        ({"max_p99": 3}, r"unknown limit 'max_p99' \(did you mean max_p99_ms\?\)"),
        ({"max_p99_ms": 0}, "max_p99_ms must be > 0, got 0"),
        ({"max_size_mb": -1}, "max_size_mb must be > 0, got -1"),
        ({"max_rtf": float("nan")}, "max_rtf must be finite"),
        ({"max_quality_loss": 5}, "share in 0..1, got 5"),
        ({"max_miss_rate": -0.1}, "share in 0..1"),
        ({"max_peak_mb": "ten"}, "max_peak_mb must be a number, got 'ten'"),
        ({"max_peak_mb": True}, "must be a number"),
        ({"max_p50_ms": 30, "max_p99_ms": 20}, "no p50 is above its p99"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_selection(flags)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minimize = latency", "is not TOML"),
        ("constraint = 1", r"unknown setting .*did you mean constraints"),
        ("constraints = 1", "must be a table"),
        ("[constraints]\nmax_p99_mss = 1", "did you mean max_p99_ms"),
        ('minimize = "size"\n[constraints]\nminimize = "energy"', "keep one"),
        ("[constraints]\nmax-rtf = 1\nmax_rtf = 2", "sets a limit twice"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_selection({}, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml"):
        read_selection({}, tmp_path / "nowhere.toml")


def test_no_loss_and_no_miss_are_limits() -> None:
    assert Constraints(max_miss_rate=0.0, max_quality_loss=0.0).limits() == {
        "max_miss_rate": 0.0,
        "max_quality_loss": 0.0,
    }
