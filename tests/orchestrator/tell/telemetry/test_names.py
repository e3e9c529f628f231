"""The registry of metrics: names by Prometheus's own rules, each documented, and nothing told that is not in it."""

import subprocess

import pytest

from orchestrator.cli.reference_prometheus import prometheus_page
from orchestrator.statistics.log_buckets import Buckets
from orchestrator.tell.telemetry.names import CONFIGURATION, COUNTER, GAUGE, HISTOGRAM, INFO, METRICS, SESSION, Metric
from orchestrator.tell.telemetry.told import Sample, Told
from tests.hosts import require_program
from tests.orchestrator.tell.telemetry.told import labels, told

BASE_UNITS = ("seconds", "bytes", "celsius", "ratio", "joules_per_audio_second", "")


def exposition(metric: Metric) -> str:
    """As a page with one series of it would be."""
    own = ",".join(f'{label}="0.5"' for label in metric.labels)
    kind = GAUGE if metric.kind == INFO else metric.kind
    series = f"{metric.name}{{{own}}} 1" if own else f"{metric.name} 1"
    if kind == HISTOGRAM:
        series = (
            f'{metric.name}_bucket{{{own},le="+Inf"}} 1\n{metric.name}_sum{{{own}}} 1\n{metric.name}_count{{{own}}} 1'
        )
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {kind}\n{series}\n"


def test_prometheus_finds_nothing_to_blame() -> None:
    promtool = require_program("promtool")
    page = "".join(exposition(metric) for metric in METRICS.values())
    done = subprocess.run([promtool, "check", "metrics"], input=page, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_is_documented_and_has_a_base_unit(metric: Metric) -> None:
    assert f"| `{metric.name}` | {metric.kind} |" in prometheus_page()
    assert metric.unit in BASE_UNITS
    assert metric.name.startswith("earshot_")
    assert not metric.unit or metric.name.endswith(metric.unit)
    assert metric.help.endswith(".")


def test_no_series_but_identity_has_the_id_of_a_run() -> None:
    having = [m.name for m in METRICS.values() if {"session_id", "study_id", "artifact", "commit"} & set(m.labels)]
    assert having == ["earshot_session_info"]


@pytest.mark.parametrize(
    ("name", "kind", "own"),
    [
        ("Earshot-x", GAUGE, ()),
        ("earshot_x", COUNTER, ()),
        ("earshot_x_total", GAUGE, ()),
        ("earshot_x", INFO, ()),
        ("earshot_x", GAUGE, ("quantile",)),
        ("earshot_x", GAUGE, ("a-b",)),
        ("earshot_x", "set", ()),
    ],
)
def test_a_name_against_the_rules_cannot_be_registered(name: str, kind: str, own: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="arshot"):
        Metric(name, kind, "", SESSION, own, "What it is.")


def test_what_is_told_must_be_registered() -> None:
    with pytest.raises(ValueError, match="no registered metric"):
        Told("a", 0, labels(), (Sample("earshot_latency_ms", 1.0),))
    with pytest.raises(ValueError, match="has the labels"):
        Told("a", 0, labels(), (Sample("earshot_rtf_ratio", 1.0, (("session_id", "s"),)),))
    with pytest.raises(ValueError, match="two of its samples"):
        Told("a", 0, labels(), (Sample("earshot_rtf_ratio", 1.0), Sample("earshot_rtf_ratio", 2.0)))
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            Told("a", 0, labels(), (Sample("earshot_rtf_ratio", value),))
    with pytest.raises(ValueError, match="finite"):
        Told("a", 0, labels(), (Sample("earshot_latency_distribution_seconds", 1.0),))
    with pytest.raises(ValueError, match="registered"):
        Told("a", 0, labels(), (), histogram=("earshot_latency", Buckets([], [], 0, 0.0)))
    with pytest.raises(ValueError, match="exemplar"):
        Told("a", 0, labels(), (Sample("earshot_rtf_ratio", 1.0),), 0)
    with pytest.raises(ValueError, match="128"):
        Told("a", 0, labels(), (Sample("earshot_rtf_ratio", 1.0),), 0, (("session_id", "s" * 119),))


def test_series_are_told_apart_by_all_their_labels_and_by_what_they_are_of() -> None:
    first, same, other = told(1), told(2), told(1, threads=2)
    assert first.entry().place == same.entry().place != other.entry().place
    assert len({len(CONFIGURATION), len(labels())}) == 1
