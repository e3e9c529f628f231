"""``earshot submit``, ``queue`` and ``cancel`` as they are typed, over a farm whose workers are only told of."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli.cancel import cancel
from orchestrator.cli.queue import queue
from orchestrator.cli.submit import submit
from orchestrator.cli.submit.options import Deadline
from orchestrator.domain.job import SESSION, Job, Outcome, device_queue
from orchestrator.ledger import orders
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.workers import announce, begin_worker
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot

ORDER = "261122-021500-aaaa"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Ledger]:
    """An order of three jobs: one failed, one runs, one waits."""
    pi = device_queue("pi5")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        announce(ledger, "berlin", {"pi5": {"tags": ["pi"], "device_model": "raspberry-pi-5"}})
        announce(ledger, "porto", {"pixel": {"tags": ["phone"]}})
        worker = begin_worker(ledger, "berlin", "berlin host /srv", {"host": "host", "exports": 2})
        placed = [(0, pi), (1, pi), (2, device_queue("pixel"))]
        own = [Job(f"{ORDER}-{n}", ORDER, SESSION, where, "ann", n, payload=_payload(n)) for n, where in placed]
        orders.submit(ledger, orders.Order(ORDER, "ann", "run", "kws on pi5, pixel"), own)
        first = claim(ledger, pi, worker)
        assert first is not None
        finish(ledger, first, Outcome(reason="the session failed: out of memory"))
        assert claim(ledger, pi, worker) is not None
        yield ledger


def _payload(number: int) -> dict[str, Any]:
    study = {
        "study_id": "s",
        "model": "kws",
        "device": "pi5",
        "started_utc": "2026-11-22T02:15:00+00:00",
        "settings": {},
    }
    told = {"model": "kws", "recipe": "onnx:fp32", "mode": "paced", "seconds": 10.0, "block": number, "position": 0}
    return {"study": study, **told, "expected_s": 11.5}


def said(command: click.Command, farm: Ledger, *words: str) -> str:
    done = CliRunner().invoke(command, [*words, "--results", str(farm.place.folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_queue_in_a_table(farm: Ledger) -> None:
    text = said(queue, farm)
    lines = text.splitlines()
    (order,) = [line.split() for line in lines if line.startswith(ORDER)]
    assert order[1:] == ["ann", "kws", "on", "pi5,", "pixel", "0/3", "1", "1", "1", *order[-2:]]
    (busy,) = [line for line in lines if line.startswith("berlin  pi5")]
    assert "paced kws onnx:fp32 1t, run 2 for" in busy
    assert any(line.split()[:2] == ["porto", "pixel"] for line in lines)
    assert " ago" in next(line for line in lines if line.startswith("berlin") and "host" in line)


def test_an_order_with_why_each_job_is_where_it_is(farm: Ledger) -> None:
    text = said(queue, farm, "--order", ORDER[:13])
    failed, runs, waits = (line for line in text.splitlines() if line.startswith(f"{ORDER}-"))
    assert "failed" in failed
    assert "out of memory" in failed
    assert "running" in runs
    assert "no worker of site porto is alive" in waits
    assert "about 12 s of sessions are left" in text or "about 11 s of sessions are left" in text


def test_the_queue_as_json(farm: Ledger) -> None:
    told = json.loads(said(queue, farm, "--order", ORDER, "--json"))
    assert told["orders"][0]["jobs"] == {"failed": 1, "running": 1, "ready": 1}
    assert [job["state"] for job in told["jobs"]] == ["failed", "running", "ready"]
    told = json.loads(said(queue, farm, "--site", "berlin", "--json"))
    (device,) = told["devices"]
    assert (device["device"], device["runs"], device["tags"]) == ("pi5", f"{ORDER}-1", ["pi"])
    assert [(worker["site"], worker["alive"]) for worker in told["workers"]] == [("berlin", True)]


def test_an_order_is_cancelled(farm: Ledger) -> None:
    assert json.loads(said(cancel, farm, ORDER, "--json")) == {
        f"{ORDER}-0": "over",
        f"{ORDER}-1": "ending",
        f"{ORDER}-2": "cancelled",
    }
    assert "runs: its worker lets it go" in said(cancel, farm, f"{ORDER}-1")
    assert "no order is open" not in said(queue, farm)


@pytest.mark.parametrize(
    ("text", "at"),
    [("2126-11-22T06:00", "2126-11-22T06:00:00+00:00"), ("2126-11-22T06:00+02:00", "2126-11-22T04:00:00+00:00")],
)
def test_a_deadline_with_a_date(text: str, at: str) -> None:
    assert Deadline().convert(text, None, None) == datetime.fromisoformat(at).timestamp()


def test_a_deadline_from_now_and_by_the_clock() -> None:
    now_s = datetime.now(UTC).timestamp()
    assert 1790.0 < Deadline().convert("30m", None, None) - now_s < 1900.0
    for text in ("00:00", "23:59"):
        at_s = Deadline().convert(text, None, None)
        assert 0.0 < at_s - now_s <= 86_460.0
        assert f"{datetime.fromtimestamp(at_s, UTC):%H:%M}" == text


@pytest.mark.parametrize("text", ["soon", "25:00", "2001-01-01T00:00"])
def test_what_is_no_deadline(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Deadline().convert(text, None, None)


def test_help_of_each_verb_teaches() -> None:
    for name in ("run", "nightly", "tune", "export"):
        done = CliRunner().invoke(submit, [name, "--help"])
        assert f"earshot submit {name}" in done.stdout


def test_a_device_that_nobody_announced_is_refused(farm: Ledger, home: Path) -> None:
    words = ("submit", "run", "kws", "--devices", "pi6", "--results", str(farm.place.folder))
    assert_refused(
        earshot(*words, home=home), BAD_INPUT, "no site has announced a device 'pi6'", then="did you mean pi5"
    )
