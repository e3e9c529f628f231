"""The outbox as OpenMetrics: by its specification's own parser, and as a Prometheus that was made anew from it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from orchestrator.ledger import outbox
from orchestrator.ledger.ledger import Ledger
from orchestrator.tell.telemetry.names import INFO, METRICS
from orchestrator.tell.telemetry.openmetrics import _seconds, text
from orchestrator.tell.telemetry.told import Sample, Told
from tests.hosts import require_program
from tests.orchestrator.tell.telemetry.test_delivery import add, send, values_in, values_of
from tests.orchestrator.tell.telemetry.told import DAY_MS, FIRST_MS, told
from tests.prometheus import prometheus


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def exported(ledger: Ledger) -> str:
    return "".join(text(outbox.all_entries(ledger), "lab"))


def test_it_is_what_the_specification_asks_for(ledger: Ledger) -> None:
    samples = add(ledger, [told(n, device=d) for n in (3, 1, 2) for d in range(2)])
    odd = 'a "quoted" \\ name\nof two lines'
    add(ledger, [Told("odd", FIRST_MS, (("plan", odd),), (Sample("earshot_night_late", 1.0),))])
    # The parser refuses what breaks a rule. It takes a summary's second quantile at a later time for a repetition, and
    # leaves it out, so that the samples are counted by their lines.
    families = list(text_string_to_metric_families(exported(ledger)))
    assert sum(not line.startswith("#") for line in exported(ledger).splitlines()) == samples + 1
    for family in families:
        metric = METRICS[f"{family.name}_info" if family.type == INFO else family.name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
    late = next(family for family in families if family.name == "earshot_night_late")
    assert late.samples[0].labels == {"plan": odd, "instance": "lab", "job": "earshot"}


def test_a_prometheus_made_of_it_has_the_same_as_one_that_was_told(ledger: Ledger, tmp_path: Path) -> None:
    # Times with every kind of millisecond, over weeks.
    add(ledger, [told(n, at_ms=FIRST_MS + n * DAY_MS + 7 * n, device=n % 3) for n in range(40)])
    path = tmp_path / "lab.om"
    path.write_text(exported(ledger))
    with prometheus(tmp_path / "told") as server:
        send(ledger, server.url)
        wanted = values_in(server)
    assert wanted == values_of(ledger)
    with prometheus(tmp_path / "made") as server:
        server.stop()
        argv = [require_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(path), str(server.data)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        server.start()
        assert values_in(server) == wanted


@given(st.integers(0, 4_000_000_000_000))
def test_a_millisecond_survives_promtool(at_ms: int) -> None:
    assert int(float(_seconds(at_ms)) * 1000) == at_ms


def test_an_empty_outbox_is_an_empty_page(ledger: Ledger) -> None:
    assert exported(ledger) == "# EOF\n"
