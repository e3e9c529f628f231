"""What somebody may still ask for stays; the rest goes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from orchestrator.cli.ledger import ledger as verbs
from orchestrator.domain.job import EXPORT, EXPORT_QUEUE, SESSION, Job, Outcome, device_queue
from orchestrator.errors import BadInput
from orchestrator.ledger.farm_tables import BlobPartRow, JobRow
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, submit
from orchestrator.ledger.store.places import store_of
from orchestrator.ledger.store.pruning import Pruned, prune
from orchestrator.ledger.workers import begin_worker

pytestmark = pytest.mark.usefixtures("both_stores")
DAY_S = 24 * 3600.0


def _put(ledger: Ledger, folder: Path, text: str) -> str:
    path = folder / hashlib.sha256(text.encode()).hexdigest()[:8]
    path.write_text(text)
    return store_of(ledger).put(path)


def _older(ledger: Ledger, days: float) -> None:
    """All that is in the ledger until now."""
    with ledger.transaction() as connection:
        connection.execute(update(BlobPartRow).values(put_utc_s=BlobPartRow.put_utc_s - days * DAY_S))
        submitted = {"submitted_utc_s": JobRow.submitted_utc_s - days * DAY_S}
        connection.execute(update(JobRow).values(**submitted, finished_utc_s=JobRow.finished_utc_s - days * DAY_S))


def _done_export(ledger: Ledger, job_id: str, payload: dict[str, Any], result: dict[str, Any]) -> None:
    job = Job(job_id, f"order of {job_id}", EXPORT, EXPORT_QUEUE, "ada", payload=payload)
    submit(ledger, Order(job.order_id, "ada", "run", "title"), [job])
    begun = claim(ledger, EXPORT_QUEUE, begin_worker(ledger, "berlin", "berlin/host", {}))
    assert begun is not None
    finish(ledger, begun, Outcome(result))


def test_what_is_needed_stays(ledger: Ledger, tmp_path: Path) -> None:
    weights, artifact = _put(ledger, tmp_path, "weights"), _put(ledger, tmp_path, "artifact")
    parcel = _put(ledger, tmp_path, json.dumps({"files": {"weights.bin": {"sha256": weights}}}))
    _done_export(ledger, "export-1", {"parcel": parcel}, {"files": [artifact]})
    forgotten = _put(ledger, tmp_path, "forgotten")
    _older(ledger, 40)
    session = Job("s1", "new", SESSION, device_queue("pi5"), "ada", needs=("export-1",))
    submit(ledger, Order("new", "ada", "run", "title"), [session])
    fresh = _put(ledger, tmp_path, "fresh")
    store = store_of(ledger)
    assert prune(ledger, store, 30) == Pruned(1, len("forgotten"), 4)
    assert [store.has(each) for each in (weights, artifact, parcel, fresh)] == [True] * 4
    assert not store.has(forgotten)


def test_what_nobody_asked_for_in_a_month_goes(ledger: Ledger, tmp_path: Path) -> None:
    parcel = _put(ledger, tmp_path, "{}")
    _done_export(ledger, "export-1", {"parcel": parcel}, {"files": []})
    _older(ledger, 29)
    assert prune(ledger, store_of(ledger), 30) == Pruned(0, 0, 1)
    _older(ledger, 2)
    assert prune(ledger, store_of(ledger), 30) == Pruned(1, 2, 0)


def test_what_is_put_again_is_wanted_again(ledger: Ledger, tmp_path: Path) -> None:
    sha256 = _put(ledger, tmp_path, "old")
    _older(ledger, 40)
    assert _put(ledger, tmp_path, "old") == sha256
    assert prune(ledger, store_of(ledger), 30) == Pruned(0, 0, 1)


def test_files_of_today_are_never_pruned(ledger: Ledger) -> None:
    with pytest.raises(BadInput, match="one night at least"):
        prune(ledger, store_of(ledger), 0)


def test_the_command(ledger: Ledger, tmp_path: Path) -> None:
    _put(ledger, tmp_path, "forgotten")
    _older(ledger, 40)
    argv = ["prune", "--results", str(tmp_path)]
    assert CliRunner().invoke(verbs, argv).output.startswith("1 files (0.0 MB) left the database of")
    told = json.loads(CliRunner().invoke(verbs, [*argv, "--json"]).stdout)
    assert (told["deleted"], told["kept"]) == (0, 0)
