"""A push: what happened reaches a real Prometheus once, and waits where there is none."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.domain.night import Missing, NightRecord
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import DISMISSED, LEVEL, REGRESSION, Blame, Since, Verdict
from orchestrator.domain.streams_held import HOLDS, StreamsHeld, StreamsRun, StreamsTried
from orchestrator.errors import MonitoringError
from orchestrator.ledger import outbox
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import record_night
from orchestrator.ledger.streams import record_streams_held
from orchestrator.statistics.interval import Interval
from orchestrator.workflows.telemetry import collect, push
from orchestrator.workflows.telemetry_status import telemetry_status
from tests import sessions
from tests.orchestrator.workflows.night_ledger import make_ledger
from tests.prometheus import free_port, prometheus

NOW = datetime.now(UTC).replace(microsecond=0)
KEY = SeriesKey("bench", "synthetic", "onnxruntime", sessions.CPU, "onnx:fp32", "paced", "rtf", "1t chunk 320")
SINCE = Since("2026-11-20", "2026-11-19", "2026-11-20", (("2026-11-20", 1.0),))
BLAME = Blame("runtime", "2026-11-20", "onnxruntime 1.30", "onnxruntime 1.31", 0.9)


def verdict(
    kind: str = REGRESSION, value: float = 1.07, relative: bool = True, blame: tuple[Blame, ...] = ()
) -> Verdict:
    effect = Interval(value, value - 0.02, value + 0.02, 4)
    by = None if kind == DISMISSED else "re-run"
    return Verdict(kind, KEY, "2026-11-21", LEVEL, effect, relative, by, SINCE, blame, 0.1, 0.001, "it is slower")


def fresh_ledger(folder: Path, finished: bool = True) -> Ledger:
    """Three paced sessions that ended ten minutes ago."""
    ledger = Ledger.open(folder / "ledger.db")
    ledger.begin_study(replace(sessions.STUDY, started_utc=NOW.isoformat()))
    ledger.record_artifact(sessions.artifact())
    for block in range(3):
        began = NOW - timedelta(minutes=13 - block)
        made = sessions.session(sessions.candidate(), "paced", block)
        ledger.record_session(replace(made, started_utc=began.isoformat(), duration_s=30.0))
    if finished:
        ledger.finish_study(sessions.STUDY.study_id, "finished")
    return ledger


def test_a_fresh_session_arrives_with_histogram_and_once(tmp_path: Path) -> None:
    with fresh_ledger(tmp_path) as ledger, prometheus(tmp_path / "prometheus") as server:
        first = push(ledger, server.url, instance="lab")
        assert (first.collected, first.delivered.entries, first.delivered.histograms) == (3, 3, 3)
        assert first.notes == ()
        again = push(ledger, server.url, instance="lab")
        assert (again.collected, again.delivered.entries, again.waiting.entries) == (0, 0, 0)
        at_s = max(entry.at_ms for entry in outbox.all_entries(ledger)) / 1000
        exact = server.query('earshot_latency_seconds{quantile="0.99"}', at_s)[0]["value"][1]
        # A bucket of schema 5 is 2.2 % wide.
        read = server.query("histogram_quantile(0.99, earshot_latency_distribution_seconds)", at_s)[0]["value"][1]
        assert float(read) == pytest.approx(float(exact), rel=0.022)
        assert server.query("histogram_count(earshot_latency_distribution_seconds)", at_s)[0]["value"][1] == "800"
        (target,) = telemetry_status(ledger).targets
        assert (target.target.url, target.target.sent_samples) == (server.url, first.delivered.samples)


def test_months_of_nights_arrive_in_a_new_prometheus(tmp_path: Path) -> None:
    make_ledger(tmp_path, [2.0] * 25, ["c"] * 25)
    with Ledger.open(tmp_path / "ledger.db") as ledger, prometheus(tmp_path / "prometheus") as server:
        pushed = push(ledger, server.url)
        assert (pushed.delivered.entries, pushed.delivered.refused) == (100, ())
        at_s = max(entry.at_ms for entry in outbox.all_entries(ledger)) / 1000
        (found,) = server.query("count_over_time(earshot_rtf_ratio[60d])", at_s)
        assert found["value"][1] == "100"


def test_a_study_that_runs_is_told_when_it_has_ended(tmp_path: Path) -> None:
    with fresh_ledger(tmp_path, finished=False) as ledger:
        assert collect(ledger) == 0
        ledger.finish_study(sessions.STUDY.study_id, "abandoned")
        assert collect(ledger) == 3
        assert collect(ledger) == 0


def test_a_server_that_is_away_costs_nothing(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with fresh_ledger(tmp_path) as ledger:
        with pytest.raises(MonitoringError, match=r"refused; 60 samples wait in the ledger") as caught:
            push(ledger, url, patience_s=0.6)
        assert caught.value.passing
        assert "nothing is lost" in str(caught.value.hint)
        with prometheus(tmp_path / "prometheus") as server:
            push(ledger, server.url)
            server.stop()
            with pytest.raises(MonitoringError):
                push(ledger, server.url, patience_s=0.0)
            (status,) = telemetry_status(ledger).targets
            assert status.target.failing_since_utc is not None
            server.start()
            push(ledger, server.url)
        (status,) = telemetry_status(ledger).targets
        assert status.target.failure is None


def test_a_session_from_the_future_gets_the_present(tmp_path: Path) -> None:
    with fresh_ledger(tmp_path, finished=False) as ledger:
        made = sessions.session(sessions.candidate(), "paced", 7)
        ledger.record_session(replace(made, started_utc=(NOW + timedelta(days=400)).isoformat()))
        ledger.finish_study(sessions.STUDY.study_id, "finished")
        collect(ledger)
        assert max(entry.at_ms for entry in outbox.all_entries(ledger)) <= time.time() * 1000 + 5


def test_a_night_its_verdicts_and_streams_arrive(tmp_path: Path) -> None:
    began, ended = NOW - timedelta(hours=2), NOW - timedelta(minutes=20)
    missing = (Missing("pi5", "no answer"), Missing("desk: kws onnx:fp32", "it failed"))
    night = NightRecord(
        "desk", "2026-11-20", began.isoformat(), ended.isoformat(), 12, ended.isoformat(), 9, 1, missing
    )
    tried = StreamsTried(4, HOLDS, Interval(0.0, 0.0, 0.004, 1), (StreamsRun("s", 4, 1000, 0, False, 0.8, 5.0, 9.5),))
    with fresh_ledger(tmp_path) as ledger, prometheus(tmp_path / "prometheus") as server:
        record_night(ledger, night)
        record_night(ledger, replace(night, at="2026-11-21", finished_utc=None))
        held = StreamsHeld(
            sessions.STUDY.study_id, "bench", ended.isoformat(), "synthetic", sessions.candidate().key, "", "a" * 64,
            "processes", 10.0, 0.01, 20.0, 4, 4, None, 4, "--max-streams", (tried,),
        )  # fmt: skip
        record_streams_held(ledger, held)
        told = [verdict(blame=(BLAME,)), verdict(DISMISSED)]
        assert push(ledger, server.url, verdicts=told).collected == 3 + 1 + 1 + 1
        assert push(ledger, server.url, verdicts=told).collected == 0

        def value(expression: str, at_s: float = ended.timestamp() + 1) -> dict[str, str]:
            return {each["metric"].get("outcome", ""): each["value"][1] for each in server.query(expression, at_s)}

        assert value("earshot_night_duration_seconds") == {"": "6000"}
        assert value("earshot_night_sessions") == {"finished": "9", "failed": "1", "missing": "2"}
        assert value("earshot_night_devices_missing") == {"": "1"}
        assert value("earshot_streams_held") == {"": "4"}
        now_s = time.time() + 1
        assert value("earshot_regression_effect_ratio", now_s) == {"": "1.07"}
        assert value("earshot_regression_effect_low_ratio", now_s) == {"": "1.05"}
        (found,) = server.query("earshot_regression_info", now_s)
        assert found["metric"]["axis"] == "runtime"
        assert found["metric"]["after"] == "onnxruntime 1.31"
        assert (found["metric"]["since"], found["metric"]["confirmed_by"]) == ("2026-11-20", "re-run")
        assert found["metric"]["device_model"] == "Synthetic Board"


def test_a_change_from_nothing_is_a_difference(tmp_path: Path) -> None:
    with fresh_ledger(tmp_path) as ledger:
        collect(ledger, [verdict(value=0.004, relative=False)])
        record = list(outbox.all_entries(ledger))[-1].record
        assert record["samples"]["earshot_regression_difference_ratio"] == 0.004
        assert not [key for key in record["samples"] if "effect" in key]
