"""A standby takes over: the URL names both, and whoever has the ledger open goes on, with nothing lost or twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.domain.job import DONE, Job, Outcome, device_queue
from orchestrator.errors import LedgerAway
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs, submit
from orchestrator.ledger.place import place_named
from orchestrator.ledger.workers import beat_worker, begin_worker
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres, postgres, standby_of


@dataclass(frozen=True)
class Pair:
    """``standby`` repeats what ``primary`` says; a commit is told when both have it."""

    primary: Postgres
    standby: Postgres

    @property
    def url(self) -> str:
        hosts = f"127.0.0.1:{self.primary.port}&host=127.0.0.1:{self.standby.port}"
        more = f"passfile={self.primary.passfile}&target_session_attrs=read-write"
        return f"postgresql://owner@/postgres?host={hosts}&{more}"


@pytest.fixture
def pair() -> Iterator[Pair]:
    with postgres() as primary, standby_of(primary) as standby:
        with primary.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        # The tests' servers are started with synchronous_commit=off: that of a session is stronger.
        yield Pair(primary, standby)


def test_a_worker_goes_on_with_the_server_that_took_over(pair: Pair, tmp_path: Path) -> None:
    url = f"{pair.url}&options=-csynchronous_commit%3Dremote_apply"
    job = Job("j1", "o1", "session", device_queue("pi5"), "ada")
    with Ledger.at(place_named(url, tmp_path)) as ledger:
        worker = begin_worker(ledger, "berlin", "berlin/host/folder", {})
        submit(ledger, Order("o1", "ada", "run", "try"), [job])
        begun = claim(ledger, job.queue, worker)
        assert begun is not None
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        ledger.record_session(samples.session())
        pair.primary.stop("immediate")
        with pytest.raises(LedgerAway):
            beat_worker(ledger, worker)
        with pytest.raises(LedgerAway):
            # The standby is there and takes no writes.
            beat_worker(ledger, worker)
        pair.standby.promote()
        assert beat_worker(ledger, worker)
        assert not ledger.record_session(samples.session()), "it is there, once"
        (session,) = ledger.sessions("s1")
        assert samples.same_arrays(session, samples.session())
        assert finish(ledger, begun, Outcome()) == []
        assert [each.state for each in jobs(ledger)] == [DONE]


def test_a_viewer_reads_at_a_standby(pair: Pair, tmp_path: Path) -> None:
    with Ledger.at(place_named(pair.url, tmp_path)) as ledger:
        ledger.begin_study(samples.study())
    standby = pair.standby.url()
    pair.primary.stop()
    with Ledger.at(place_named(standby, tmp_path), create=False) as ledger:
        assert ledger.studies() == [samples.study()]
        with pytest.raises(LedgerAway, match="it is a standby that takes no writes"):
            ledger.begin_study(samples.study("s2"))
