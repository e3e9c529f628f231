"""Raw arrays make way; what nights, queries and verdicts say of their sessions stays the same, or says what is gone."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from orchestrator.cli.main import cli
from orchestrator.decide.comparison.runs import Side, runs_of
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.run_course import run_course
from orchestrator.domain.session_verdict import judge
from orchestrator.errors import LedgerError
from orchestrator.ledger import retention
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.migrate import migrate
from orchestrator.ledger.place import place_named
from orchestrator.ledger.queries import TIMES, Where, percentile_per_session
from orchestrator.ledger.tables import ArrayRow, CompactedRow, SessionRow
from orchestrator.ledger.verdicts import verdicts_frame
from orchestrator.statistics.log_buckets import RELATIVE_ERROR
from orchestrator.workflows.compact import compact_ledger
from orchestrator.workflows.export_matrix import matrix_csv
from orchestrator.workflows.night_series import read_nights
from orchestrator.workflows.telemetry_sessions import session_told
from tests import sessions
from tests.orchestrator.workflows.night_ledger import add_night
from tests.postgres import Postgres

DAY_S = 86400.0
# Of the synthetic study; nights are of March.
RECENT = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")


def filled(ledger: Ledger) -> None:
    for night, level in enumerate((2.0, 2.1, 4.0)):
        add_night(ledger, night, [level], [f"commit {night}"], wrong=range(3))
    decided(ledger)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with all of its arrays, to be copied."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    with Ledger.open(path) as ledger:
        filled(ledger)
    return path


@pytest.fixture
def ledger(whole: Path, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(Path(shutil.copy(whole, tmp_path))) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, whole: Path, tmp_path: Path) -> Iterator[Ledger]:
    """In a file, and in a PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("ledger")
        return
    server: Postgres = request.getfixturevalue("postgresql")
    with Ledger.open(whole) as source, Ledger.at(place_named(server.empty(), tmp_path)) as opened:
        migrate(source, opened, lambda table, rows: None)
        yield opened


def decided(ledger: Ledger) -> None:
    """A study of `earshot tune` from January, its default and its winner in paced and flat-out sessions."""
    study = replace(sessions.STUDY, settings={"workflow": "tune"})
    base, other = sessions.candidate(), sessions.candidate("onnx:int8-dynamic")
    ran = sessions.race(base, service_ms=4.0) + sessions.race(other, service_ms=2.0)
    ran += sessions.race(sessions.candidate("onnx:int8-qdq"), service_ms=3.0)
    artifacts = [sessions.artifact(name) for name in ("onnx:fp32", "onnx:int8-dynamic", "onnx:int8-qdq")]
    scores = [sessions.score(each, range(40)) for each in (base, other)]
    ledger.begin_study(study)
    for artifact in artifacts:
        ledger.record_artifact(artifact)
    for session in ran:
        ledger.record_session(session)
    asked = {"objective": Objective("latency_p99_ms"), "constraints": Constraints(), "heat": "none"}
    ledger.record_decision(decide(study, ran, artifacts, scores, **asked))  # type: ignore[arg-type]
    ledger.finish_study(study.study_id, "finished")


def compact(ledger: Ledger, **options: bool) -> int:
    found = compact_ledger(
        ledger, DAY_S, keep_decisions=options.get("keep_decisions", False), dry_run=options.get("dry_run", False)
    )
    return found.sessions


def arrays(ledger: Ledger) -> int:
    return int(ledger.fetch(select(func.count()).select_from(ArrayRow))[0][0])


def test_nights_are_judged_by_the_same_figures(either: Ledger) -> None:
    before = read_nights(either)
    assert compact(either) > 0
    assert read_nights(either) == before
    assert any(len(series.nights) == 3 for series in before.series)


def test_every_percentile_is_within_the_error_that_is_told(either: Ledger) -> None:
    asked = [(column, quantile) for column in TIMES for quantile in (0.5, 0.9, 0.99)]
    before = [percentile_per_session(either, *each) for each in asked]
    compact(either)
    for each, exact in zip(asked, before, strict=True):
        found = percentile_per_session(either, *each)
        assert list(found.session_id) == list(exact.session_id)
        assert list(found.n) == list(exact.n)
        assert list(found.value_ns.isna()) == list(exact.value_ns.isna()), each
        known = exact.value_ns.notna()
        off = np.abs(found.value_ns[known] / exact.value_ns[known].replace(0, np.nan) - 1).max()
        assert pd.isna(off) or off <= RELATIVE_ERROR + 1e-9, each
        assert (found.low_ns[known] <= exact.low_ns[known]).all()
        assert (found.high_ns[known] >= exact.high_ns[known]).all()
        assert set(found.reason[known]) <= {"of a histogram: within 1.1 %"}


def test_first_chunks_cannot_be_left_out_any_more(ledger: Ledger) -> None:
    compact(ledger)
    found = percentile_per_session(ledger, "service", 0.5, Where(model="synthetic"), skip_chunks=5)
    assert set(found.reason) == {"the raw times made way, and the histogram is of all chunks"}
    assert found.value_ns.isna().all()


def test_verdicts_and_courses_stay(ledger: Ledger) -> None:
    (throttled, *_) = ledger.sessions("study-1", mode="paced")
    before = verdicts_frame(ledger)
    course = run_course(throttled, 16_000)
    assert course is not None
    compact(ledger)
    pd.testing.assert_frame_equal(verdicts_frame(ledger), before)
    again = ledger.session(throttled.session_id)
    assert again is not None
    assert again.kept is not None
    assert judge(again, 16_000) == judge(throttled, 16_000)
    assert run_course(again, 16_000) == course
    with pytest.raises(ValueError, match="raw times made way on 20"):
        again.timeline(16_000)


def test_a_comparison_of_runs_leaves_them_out_by_name(ledger: Ledger) -> None:
    compact(ledger)
    own = ledger.sessions("study-1", mode="paced", candidate_key=sessions.candidate().key)
    runs = runs_of(Side("A", sessions.candidate(), sessions.artifact(), tuple(own)))
    assert runs.good == {}
    assert runs.kept == {}
    assert len(runs.left_out) == len(own)
    assert "does not count: raw times made way on" in runs.left_out[0]


def test_what_a_decision_names_keeps_its_arrays(ledger: Ledger) -> None:
    assert compact(ledger, keep_decisions=True) > 0
    by_recipe = {
        str(s.planned.candidate.recipe): bool(s.arrays) for s in ledger.sessions("study-1") if s.planned.mode == "paced"
    }
    assert by_recipe == {"onnx:fp32": True, "onnx:int8-dynamic": True, "onnx:int8-qdq": False}


def test_a_dry_run_changes_nothing_and_says_what_would_be(either: Ledger) -> None:
    before = arrays(either)
    would = compact_ledger(either, DAY_S, keep_decisions=False, dry_run=True)
    assert arrays(either) == before
    did = compact_ledger(either, DAY_S, keep_decisions=False, dry_run=False)
    assert would == replace(did, before_utc=would.before_utc)
    # Flat-out runs of 100 chunks are the worst of it: longer ones have more in a bucket.
    assert did.kept_bytes < did.array_bytes
    freed = either.fetch(select(func.sum(CompactedRow.freed_bytes)))[0][0]
    assert int(freed) == did.array_bytes


def test_what_is_recent_long_or_not_timed_keeps_its_arrays(either: Ledger) -> None:
    (recent, long, *rest) = (s.session_id for s in either.sessions("study-1", mode="flat-out"))
    with either.transaction() as connection:
        change = update(SessionRow)
        connection.execute(change.where(SessionRow.session_id == recent).values(started_utc=RECENT))
        connection.execute(change.where(SessionRow.session_id == long).values(duration_s=180.0))
        connection.execute(change.where(SessionRow.session_id == rest[0]).values(mode="multi"))
    compact(either)
    left = {row.session_id for row in either.fetch(select(ArrayRow.session_id).distinct())}
    assert left == {recent, long, rest[0]}


def test_cut_short_it_goes_on(either: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.workflows.compact._BATCH", 5)
    whole, done = retention.compact, 0

    def cut(*arguments: object, **options: object) -> int:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        return whole(*arguments, **options)  # type: ignore[arg-type]

    before = arrays(either)
    monkeypatch.setattr("orchestrator.workflows.compact.compact", cut)
    with pytest.raises(KeyboardInterrupt):
        compact(either)
    assert either.fetch(select(func.count()).select_from(CompactedRow)) == [(10,)]
    assert arrays(either) < before
    nights = read_nights(either)
    compact(either)
    assert arrays(either) == 0
    assert read_nights(either) == nights
    assert compact(either) == 0


def test_a_lost_artifact_keeps_the_arrays_of_its_sessions(ledger: Ledger, tmp_path: Path) -> None:
    known = ledger.artifacts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "artifacts", lambda model=None: known(model)[:1])
        found = compact_ledger(ledger, DAY_S, keep_decisions=False, dry_run=False)
    assert found.unknown > 0
    assert arrays(ledger) == found.unknown


def test_the_command_and_a_report_of_what_is_left(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole, tmp_path)
    argv = ["ledger", "compact", "--older-than", "90d", "--results", str(tmp_path)]
    done = CliRunner().invoke(cli, [*argv, "--dry-run"])
    assert "sessions before 20" in done.stdout, (done.output, done.exception)
    assert "would give up" in done.stdout
    done = CliRunner().invoke(cli, argv)
    assert " gave up " in done.stdout, (done.output, done.exception)
    assert "of raw arrays" in done.stdout
    with sqlite3.connect(tmp_path / "ledger.db") as plain:
        assert plain.execute("SELECT count(*) FROM session_arrays").fetchone() == (0,)
    plain.close()
    done = CliRunner().invoke(cli, ["report", "study-1", "--results", str(tmp_path)])
    assert done.exit_code == 0, (done.output, done.exception)
    page = (tmp_path / "report.html").read_text()
    assert f"made way for 21 of 24 sessions on {datetime.now(UTC):%Y-%m-%d}" in page
    assert "raw times made way on 20" in page
    assert "no paced session of" not in page
    assert "The winner is lower in 4 of 4 blocks." in page


def test_servers_of_metrics_are_told_the_figures_that_stay(ledger: Ledger) -> None:
    (before, *_) = ledger.sessions("study-1", mode="paced")
    compact(ledger)
    after = ledger.session(before.session_id)
    study, artifact = ledger.study("study-1"), sessions.artifact()
    assert after is not None
    assert study is not None
    said = [session_told(each, artifact, study, [], "no idle session") for each in (before, after)]
    whole, kept = ({(s.name, s.labels): s.value for s in each.samples} for each in said)
    names = {"latency", "service", "rtf", "miss", "peak_memory", "load", "session_info", "artifact_size"}
    assert set(kept) <= set(whole)
    assert {name for name in names if any(each.startswith(f"earshot_{name}") for each, _ in kept)} >= names - {"load"}
    for each, value in kept.items():
        assert value == pytest.approx(whole[each], rel=1e-3), each


def test_the_matrix_of_runs_is_the_same(ledger: Ledger, tmp_path: Path) -> None:
    before = [matrix_csv(tmp_path, "study-1", mode) for mode in ("paced", "flat-out")]
    compact(ledger)
    after = [matrix_csv(tmp_path, "study-1", mode) for mode in ("paced", "flat-out")]
    assert [sorted(text.splitlines()) for text in after] == [sorted(text.splitlines()) for text in before]


def test_damaged_histograms_are_told(ledger: Ledger) -> None:
    compact(ledger)
    with ledger.transaction() as connection:
        connection.execute(update(CompactedRow).values(histograms=b"?"))
    with pytest.raises(LedgerError, match="cannot read the histograms of session"):
        percentile_per_session(ledger, "service", 0.5)
