"""From the ledger to a night's verdicts."""

from pathlib import Path

import pytest

from orchestrator.domain.night_series import Series
from orchestrator.domain.regression import BY_NIGHTS, BY_RERUN, BY_VALUE, DEVICE_DRIFT, REGRESSION, SUSPECT
from orchestrator.errors import BadInput, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.night_series import CONFIRM, night_of, read_nights
from orchestrator.workflows.regressions import regressions
from tests.orchestrator.workflows.night_ledger import RUNS, add_night, artifact_of, at, make_ledger

COMMITS = [f"commit{i:02d}" for i in range(40)]
NIGHTS = 16


def series_of(results: Path, metric: str) -> Series:
    with Ledger.open(results / "ledger.db") as ledger:
        (found,) = [series for series in read_nights(ledger).series if series.key.metric == metric]
    return found


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit is slower by a tenth."""
    results = tmp_path_factory.mktemp("slower")
    make_ledger(results, [2.0] * (NIGHTS - 1) + [2.2], COMMITS[:NIGHTS])
    return results


def test_a_series_is_what_runs_gave_night_by_night(slower: Path) -> None:
    series = series_of(slower, "service_p50_ms")
    assert [night.at for night in series.nights] == [at(i) for i in range(NIGHTS)]
    assert all(len(night.values) == RUNS for night in series.nights)
    assert series.nights[0].values[0] == pytest.approx(2.0, rel=0.05)
    assert series.key.configuration == (
        "bench", "synthetic", "onnxruntime", "CPUExecutionProvider", "onnx:fp32", "flat-out", "1t chunk 320"
    )  # fmt: skip
    axes = series.last.axes
    assert axes.model_commit == artifact_of(COMMITS[15]).provenance.source_sha256[:12]
    assert axes.runtime == "onnxruntime 1.31.1"
    assert axes.os_build == "Linux 6.1.0"
    # The board says no unit: absent is not a change.
    assert axes.device_unit is None


def test_a_night_goes_from_noon_to_noon() -> None:
    assert night_of("2026-03-02T01:30:00+00:00") == "2026-03-01"
    assert night_of("2026-03-02T12:00:00+00:00") == "2026-03-02"


def test_a_slower_commit_is_suspect_and_a_re_run_is_asked_for(slower: Path) -> None:
    found = regressions(slower)
    (verdict,) = [v for v in found.told if v.key.metric == "service_p50_ms" and v.aspect == "level"]
    assert (found.night, verdict.kind) == (at(NIGHTS - 1), SUSPECT)
    assert found.alerts == ()
    (asked,) = found.asked
    assert (asked.old.at, asked.new.at) == (at(NIGHTS - 8), at(NIGHTS - 1))


def test_a_recorded_re_run_confirms_it(tmp_path: Path) -> None:
    old, new = COMMITS[NIGHTS - 8], COMMITS[NIGHTS - 1]
    results = tmp_path
    make_ledger(results, [2.0] * (NIGHTS - 1) + [2.2], COMMITS[:NIGHTS])
    with Ledger.open(results / "ledger.db") as ledger:
        add_night(ledger, NIGHTS - 1, [2.0, 2.2], [old, new], workflow=CONFIRM)
    judged = regressions(results)
    (verdict,) = [v for v in judged.alerts if v.key.metric == "service_p50_ms"]
    assert (verdict.kind, verdict.confirmed_by) == (REGRESSION, BY_RERUN)
    assert verdict.effect.value == pytest.approx(1.1, rel=0.03)
    assert "model commit" in verdict.said
    assert judged.asked == ()
    # What the re-run ran of the old artifact is no part of the night.
    assert len(series_of(results, "service_p50_ms").last.values) == RUNS


def test_a_change_that_lasts_is_told_once_and_is_then_the_level(tmp_path: Path) -> None:
    make_ledger(tmp_path, [2.0] * 14 + [2.3] * 12, COMMITS[:26])
    found = regressions(tmp_path)
    assert found.alerts == ()
    (alert,) = [v for v in found.before if v.key.metric == "service_p50_ms"]
    assert (alert.kind, alert.confirmed_by) == (REGRESSION, BY_NIGHTS)
    assert alert.since.earliest <= at(14) <= alert.since.latest < alert.at


def test_a_reference_that_moves_is_the_device(tmp_path: Path) -> None:
    slow = [2.0] * 20 + [2.3] * 6
    make_ledger(tmp_path, slow, COMMITS[:26])
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for night, level in enumerate(slow):
            add_night(ledger, night, [level], ["reference"], model="reference")
    found = regressions(tmp_path, reference="reference")
    alerts = [v for v in (*found.before, *found.told) if v.alert]
    assert {(v.kind, v.key.model, v.key.metric) for v in alerts} >= {(DEVICE_DRIFT, "reference", "service_p50_ms")}
    assert {v.key.model for v in alerts} == {"reference"}


def test_a_larger_artifact_is_told_at_once(tmp_path: Path) -> None:
    make_ledger(tmp_path, [2.0] * 3, COMMITS[:3])
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        add_night(ledger, 3, [2.0], [COMMITS[3]], size_bytes=900_000)
    found = regressions(tmp_path)
    (verdict,) = found.alerts
    assert (verdict.key.metric, verdict.confirmed_by) == ("size_mb", BY_VALUE)
    assert verdict.effect.value == pytest.approx(1.125)
    # Too few nights to know what is usual for what has noise.
    assert found.learning > 0


def test_more_errors_are_told_by_the_items_of_the_evaluation(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        add_night(ledger, 0, [2.0], [COMMITS[0]], wrong=range(4))
        add_night(ledger, 1, [2.0], [COMMITS[1]], wrong=range(40))
    (verdict,) = regressions(tmp_path).alerts
    assert verdict.key.metric == "error_rate"
    assert verdict.effect.value == pytest.approx(36 / 200)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "kwss"}, "no sessions of a model 'kwss'"),
        ({"reference": "refer"}, "no sessions of a model 'refer'"),
        ({"night": "2020-01-01"}, "nothing was measured in the night of 2020-01-01"),
    ],
)
def test_what_the_ledger_has_not_is_said(slower: Path, asked: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        regressions(slower, **asked)  # type: ignore[arg-type]


def test_no_ledger_and_an_empty_one_are_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        regressions(tmp_path)
    Ledger.open(tmp_path / "ledger.db").close()
    with pytest.raises(BadInput, match="no timed session"):
        regressions(tmp_path)
