"""From the outbox into real servers: everything, in any order of outages, and each sample once."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import MonitoringError
from orchestrator.ledger import outbox, outbox_targets
from orchestrator.ledger.ledger import Ledger
from orchestrator.tell.telemetry import delivery
from orchestrator.tell.telemetry.abilities import abilities
from orchestrator.tell.telemetry.delivery import Delivered, Post, deliver
from orchestrator.tell.telemetry.server import Away, Server
from orchestrator.tell.telemetry.told import Told
from orchestrator.tell.telemetry.writer import Writer
from tests.orchestrator.tell.telemetry.told import DAY_MS, FIRST_MS, MINUTE_MS, told
from tests.prometheus import Prometheus, prometheus, victoria_metrics


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(tmp_path / "prometheus") as started:
        yield started


def add(ledger: Ledger, all_told: Sequence[Told]) -> int:
    """How many samples."""
    outbox.add(ledger, [each.entry() for each in all_told])
    return sum(len(each.samples) for each in all_told)


def send(ledger: Ledger, url: str) -> Delivered:
    with Server(url) as server:
        return deliver(ledger, Post(url, Writer(server, url), "lab"), abilities(server))


def kept(server: Prometheus) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    """Every series with (ms, value) of its samples."""
    found = server.query('{__name__=~"earshot_.+"}[900d]', FIRST_MS / 1000 + 600 * 86400)
    return [(each["metric"], [(round(at * 1000), float(v)) for at, v in each.get("values", [])]) for each in found]


def count(server: Prometheus) -> int:
    return sum(len(samples) for _, samples in kept(server))


def values_of(ledger: Ledger) -> set[tuple[Any, ...]]:
    """(name, device, quantile, ms, value) of each sample in the ledger's outbox."""
    return {
        (key.partition("{")[0], e.record["labels"]["device"], "0.99" in key, e.at_ms, value)
        for e in outbox.all_entries(ledger)
        for key, value in e.record["samples"].items()
    }


def values_in(server: Prometheus) -> set[tuple[Any, ...]]:
    return {
        (metric["__name__"], metric["device"], metric.get("quantile") == "0.99", at_ms, value)
        for metric, samples in kept(server)
        for at_ms, value in samples
    }


def test_every_sample_arrives_with_its_time_and_value(ledger: Ledger, server: Prometheus) -> None:
    samples = add(ledger, [told(n, device=d) for n in range(60) for d in range(3)])
    done = send(ledger, server.url)
    assert (done.entries, done.samples, done.refused, done.clamped) == (180, samples, (), 0)
    assert values_in(server) == values_of(ledger)
    (metric, _), *_ = kept(server)
    assert {"job": "earshot", "instance": "lab"}.items() <= metric.items()


def test_a_second_push_tells_nothing_and_a_repeated_one_changes_nothing(ledger: Ledger, server: Prometheus) -> None:
    samples = add(ledger, [told(n) for n in range(30)])
    send(ledger, server.url)
    assert send(ledger, server.url) == Delivered()
    outbox_targets.forget(ledger, server.url)
    assert send(ledger, server.url).samples == samples
    assert count(server) == samples


def test_an_hour_without_the_server_is_caught_up(
    ledger: Ledger, server: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH_ENTRIES", 7)
    samples = add(ledger, [told(n) for n in range(10)])
    send(ledger, server.url)
    server.stop()
    for minute in range(10, 70):
        samples += add(ledger, [told(minute)])
        if minute % 20 == 0:
            with pytest.raises(Away, match="refused"):
                send(ledger, server.url)
    assert outbox_targets.waiting(ledger, outbox_targets.target(ledger, server.url)).samples == samples - 200
    server.start()
    assert send(ledger, server.url).samples == samples - 200
    assert outbox_targets.target(ledger, server.url).sent_samples == samples == count(server)
    assert values_in(server) == values_of(ledger)


def test_what_was_sent_by_a_process_that_died_before_it_said_so_counts_once(ledger: Ledger, server: Prometheus) -> None:
    samples = add(ledger, [told(n) for n in range(20)])
    with Server(server.url) as connected:
        post = Post(server.url, Writer(connected, server.url), "lab")
        post.writer.write(post.batches.body(outbox.entries_after(ledger, 0, 15)))
    assert send(ledger, server.url).samples == samples
    assert count(server) == samples


def test_what_comes_late_is_taken_within_the_window_and_refused_beyond_it(ledger: Ledger, server: Prometheus) -> None:
    add(ledger, [told(1, at_ms=FIRST_MS)])
    send(ledger, server.url)
    late, too_late = told(2, at_ms=FIRST_MS - 29 * DAY_MS), told(3, at_ms=FIRST_MS - 31 * DAY_MS)
    add(ledger, [too_late, late, told(4, at_ms=FIRST_MS + MINUTE_MS)])
    done = send(ledger, server.url)
    assert (done.entries, done.samples) == (2, 40)
    ((number, reason, detail, samples),) = [(r.number, r.reason, r.detail, r.samples) for r in done.refused]
    assert (number, reason, samples) == (2, "too-old", 20)
    assert detail == "older than 30 d before the newest sample of the server"
    assert [(r.reason, r.samples) for r in outbox_targets.refusals(ledger, server.url)] == [("too-old", 20)]
    assert outbox_targets.target(ledger, server.url).sent_samples == count(server) == 60
    assert len(list(outbox.all_entries(ledger))) == 4, "the ledger keeps it"


def test_a_server_without_a_window_refuses_the_late_one_and_takes_the_others(ledger: Ledger, tmp_path: Path) -> None:
    with prometheus(tmp_path / "old", out_of_order=None, features=()) as server:
        add(ledger, [told(1), told(2)])
        send(ledger, server.url)
        add(ledger, [told(n) for n in (3, 4, 5)] + [told(6, at_ms=FIRST_MS + 90_000)] + [told(n) for n in (7, 8)])
        done = send(ledger, server.url)
        assert done.entries == 5
        assert [(r.number, r.samples) for r in done.refused] == [(6, 20)]
        assert count(server) == 7 * 20
        with Server(server.url) as connected:
            notes = abilities(connected).notes
    assert [word in note for note, word in zip(notes, ("in order only", "native histograms", "exemplars"), strict=True)]


def test_a_time_that_has_not_come_is_cut_and_does_not_move_the_server(ledger: Ledger, server: Prometheus) -> None:
    now_ms = round(time.time() * 1000)
    add(ledger, [told(1, at_ms=now_ms - MINUTE_MS), told(2, at_ms=now_ms + DAY_MS), told(3, at_ms=now_ms + DAY_MS)])
    done = send(ledger, server.url)
    assert (done.entries, done.clamped, done.refused) == (3, 2, ())
    head = server.get("/api/v1/status/tsdb")["headStats"]
    assert head["maxTime"] <= time.time() * 1000 + 10
    assert len({entry.at_ms for entry in outbox.all_entries(ledger)}) == 3
    outbox_targets.forget(ledger, server.url)
    assert send(ledger, server.url).clamped == 0, "what was cut stays so"


def test_an_exemplar_leads_from_a_sample_to_its_session(ledger: Ledger, server: Prometheus) -> None:
    add(ledger, [told(1)])
    send(ledger, server.url)
    (found,) = server.get(
        "/api/v1/query_exemplars",
        query="earshot_latency_seconds",
        start=str(FIRST_MS / 1000),
        end=str(FIRST_MS / 1000 + 3600),
    )
    assert found["seriesLabels"]["quantile"] == "0.99"
    assert found["exemplars"][0]["labels"] == {"session_id": told(1).exemplar[0][1]}


def test_another_endpoint_than_for_writing_loses_nothing(ledger: Ledger, tmp_path: Path) -> None:
    add(ledger, [told(1), told(2)])
    with victoria_metrics(tmp_path / "victoria") as server:
        wrong = f"{server.url}/nowhere/else"
        with pytest.raises(MonitoringError, match="takes none of 2 entries"):
            send(ledger, wrong)
        assert outbox_targets.waiting(ledger, outbox_targets.target(ledger, wrong)).entries == 2
        with pytest.raises(MonitoringError, match="404"), prometheus(tmp_path / "prometheus") as other:
            send(ledger, f"{other.url}/nowhere")


def test_victoria_metrics_has_the_same(ledger: Ledger, tmp_path: Path) -> None:
    now_ms = round(time.time() * 1000)
    samples = add(ledger, [told(n, at_ms=now_ms - n * MINUTE_MS) for n in range(50)])
    too_old = told(99, at_ms=now_ms - 401 * DAY_MS)
    add(ledger, [too_old])
    with victoria_metrics(tmp_path / "victoria") as server:
        done = send(ledger, server.url)
        assert done.samples == samples
        assert [(r.reason, r.detail) for r in done.refused] == [("too-old", "older than the 400 d it keeps")]
        found = server.kept('{job="earshot"}')
        assert sum(len(series["values"]) for series in found) == samples
        # It keeps decimals of 15 digits and more, not the bits.
        sent = {(e.at_ms, f"{v:.12g}") for e in outbox.all_entries(ledger) for v in e.record["samples"].values()}
        got = {(at, f"{v:.12g}") for one in found for at, v in zip(one["timestamps"], one["values"], strict=True)}
        assert got == {(at_ms, value) for at_ms, value in sent if at_ms != too_old.at_ms}
        assert send(ledger, server.url) == Delivered()
