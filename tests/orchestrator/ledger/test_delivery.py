"""A site's rows come to the farm's ledger once, whatever was cut meanwhile; nobody's row is overwritten by another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from orchestrator.ledger.delivery import deliver, deliver_lost
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.spool import begin_spool, spool
from orchestrator.ledger.tables import ArrayRow, ArtifactRow, ScoreRow, SessionRow, StudyRow
from tests.orchestrator.ledger import ledger_samples as samples

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "site" / "ledger.db") as opened:
        begin_spool(opened)
        yield opened


def measure(ledger: Ledger, blocks: range, study_id: str = "s1") -> list[str]:
    ledger.begin_study(samples.study(study_id))
    ledger.record_artifact(samples.artifact(ledger.place.folder / "a.onnx"))
    found = []
    for block in blocks:
        session = samples.session(samples.planned(study_id, block=block), seed=block)
        ledger.record_session(session)
        ledger.record_score(samples.score(session.session_id))
        found.append(session.session_id)
    return found


def test_all_of_it_once(site: Ledger, farm: Ledger) -> None:
    measure(site, range(3))
    site.finish_study("s1", "finished")
    assert spool(site).sessions == 3
    done = deliver(site, farm)
    assert done.rows == {"studies": 1, "artifacts": 1, "sessions": 3, "scores": 3}
    assert done.refused == {}
    assert spool(site).entries == 0
    assert deliver(site, farm).rows == {}
    assert farm.studies() == site.studies()
    for ours, theirs in zip(site.sessions("s1"), farm.sessions("s1"), strict=True):
        assert samples.same_arrays(ours, theirs)
        assert ours.planned == theirs.planned
        assert ours.environment == theirs.environment
    assert farm.scores("s1") == site.scores("s1")


def test_a_farm_that_lost_its_last_commits_gets_a_session_again(site: Ledger, farm: Ledger) -> None:
    first, last = measure(site, range(2))
    deliver(site, farm)
    assert not deliver_lost(site, farm, last)
    with farm.transaction() as connection:
        for table in (ScoreRow, ArrayRow, SessionRow):
            connection.execute(delete(table).where(table.session_id == last))
    assert deliver_lost(site, farm, last)
    assert [each.session_id for each in farm.sessions("s1")] == [first, last]
    assert farm.scores("s1") == site.scores("s1")


def test_it_gets_what_the_session_refers_to_as_well(site: Ledger, farm: Ledger) -> None:
    (only,) = measure(site, range(1))
    deliver(site, farm)
    with farm.transaction() as connection:
        for table in (ScoreRow, ArrayRow, SessionRow, ArtifactRow, StudyRow):
            connection.execute(delete(table))
    assert deliver_lost(site, farm, only)
    assert farm.studies() == site.studies()
    assert samples.same_arrays(farm.sessions("s1")[0], site.sessions("s1")[0])
