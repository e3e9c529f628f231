"""What a site's jobs need is here before the farm is away: model, audio and artifact, without its store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.job import SESSION, Job, device_queue
from orchestrator.errors import StoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, submit
from orchestrator.ledger.snapshot import refresh
from orchestrator.ledger.store.cache import Cache
from orchestrator.workflows.farm.depot import Depot, depot_of, ready_from_parcel
from orchestrator.workflows.farm.export import artifact_at, export_work
from orchestrator.workflows.farm.site_ahead import Ahead
from tests.orchestrator.workflows.farm.test_export import Farm, add_model

QUEUE = device_queue("pi5")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    add_model(tmp_path / "submitter")
    with Ledger.open(tmp_path / "farm" / "ledger.db") as ledger:
        depots = [depot_of(ledger, tmp_path / site) for site in ("berlin", "oslo")]
        yield Farm(ledger, tmp_path / "submitter" / "models", *depots)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "oslo" / "ledger.db") as opened:
        yield opened


def snapshot(farm: Farm, site: Ledger, export: Job) -> None:
    needs = Job("session", "wish", SESSION, QUEUE, "ada", needs=(export.job_id,))
    submit(farm.ledger, Order("wish", "ada", "run", "a title"), [needs])
    refresh(site, farm.ledger, [QUEUE], "oslo host folder")


def test_a_site_without_its_store_has_all_that_a_session_needs(farm: Farm, site: Ledger, tmp_path: Path) -> None:
    job = farm.job()
    farm.submit(job)
    made = farm.do(job)
    ahead = Ahead(site)
    assert ahead.fetch(farm.measuring) == 0
    snapshot(farm, site, job)
    assert ahead.fetch(farm.measuring) == 1
    assert ahead.fetch(farm.measuring) == 0
    alone = Depot(tmp_path / "oslo", Cache(tmp_path / "oslo" / "cache", None))
    assert artifact_at(alone, made).passed
    ready = ready_from_parcel(alone, export_work(made.job).parcel, tmp_path / "scratch")
    assert ready.prepared.source.name == "mini"


def test_what_is_not_there_is_told_and_tried_again(farm: Farm, site: Ledger) -> None:
    job = farm.job()
    farm.submit(job)
    made = farm.do(job)
    snapshot(farm, site, job)
    assert made.result is not None
    (sha256,) = made.result["files"]
    store = farm.measuring.cache.store
    assert store is not None
    store.delete(sha256)
    ahead = Ahead(site)
    with pytest.raises(StoreError):
        ahead.fetch(farm.measuring)
    store.put(artifact_at(farm.exporting, made).path)
    assert ahead.fetch(farm.measuring) == 1
