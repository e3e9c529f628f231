"""kill -9 of who delivers, a server that dies in the middle, a full disk: in the end all is there once, and whole."""

import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger.delivery import Delivered, deliver
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.spool import begin_spool, spool
from tests.orchestrator.ledger import deliver_site
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres, postgres

ROOT = Path(__file__).parents[3]
TOTAL, CHUNKS = 60, 400
# What the server said is committed stays so when its processes are killed; only a power cut would need more.
LASTING = ("fsync=off", "synchronous_commit=on", "full_page_writes=off", "max_connections=30")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres(LASTING) as started:
        yield started


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with a day's sessions."""
    folder = tmp_path_factory.mktemp("site")
    with Ledger.open(folder / "ledger.db") as site:
        begin_spool(site)
        site.begin_study(samples.study())
        site.record_artifact(samples.artifact(folder / "a.onnx"))
        for block in range(TOTAL):
            session = samples.session(samples.planned(block=block), CHUNKS, block)
            site.record_session(session)
            site.record_score(samples.score(session.session_id))
    return folder


@pytest.fixture
def site(measured: Path, tmp_path: Path) -> Path:
    shutil.copytree(measured, tmp_path / "site")
    return tmp_path / "site" / "ledger.db"


@pytest.fixture
def results(tmp_path: Path, server: Postgres) -> Path:
    """A folder that is attached to an empty farm."""
    (tmp_path / "ledger.url").write_text(server.empty() + "\n")
    Ledger.open(tmp_path / "ledger.db").close()
    return tmp_path


def assert_whole(farm: Ledger, sessions: int | None = None) -> int:
    """How many are there, each with all of its arrays."""
    found = farm.sessions("s1")
    for each in found:
        assert samples.same_arrays(each, samples.session(each.planned, CHUNKS, each.planned.block))
    if sessions is not None:
        assert sorted(each.planned.block for each in found) == list(range(sessions))
        assert len(farm.scores("s1")) == sessions
    return len(found)


def test_killed_again_and_again(site: Path, results: Path) -> None:
    rng = random.Random(11)
    seen = []
    with Ledger.open(results / "ledger.db") as farm:
        for _ in range(3):
            argv = [sys.executable, "-m", deliver_site.__name__, str(site), str(results)]
            process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert process.stdout.readline() == b"delivers\n"
            time.sleep(rng.uniform(0.0, 0.8))
            process.kill()
            process.communicate()
            seen.append(assert_whole(farm))
        assert seen == sorted(seen)
        with Ledger.open(site) as here:
            deliver(here, farm)
            assert spool(here).entries == 0
        assert_whole(farm, TOTAL)


@pytest.mark.parametrize("after", [0, 30])
def test_the_server_dies_in_the_middle(after: int, site: Path, results: Path, server: Postgres) -> None:
    with Ledger.open(results / "ledger.db") as farm, Ledger.open(site) as here:
        failures: list[LedgerError] = []

        def bring() -> None:
            try:
                deliver(here, farm)
            except LedgerError as exc:
                failures.append(exc)

        delivering = threading.Thread(target=bring)
        watcher = server.connect()
        delivering.start()
        schema = (results / "ledger.url").read_text().strip().rpartition("%3D")[2]
        while delivering.is_alive() and watcher.execute(f"SELECT count(*) FROM {schema}.sessions").fetchone() < (
            after,
        ):
            pass
        watcher.close()
        server.stop("immediate")
        delivering.join(120)
        try:
            assert [type(failure) for failure in failures] in ([LedgerAway], [])
            waiting = spool(here)
            if failures:
                assert waiting.sessions > 0
        finally:
            server.start()
        assert assert_whole(farm) >= after
        again = deliver(here, farm)
        assert again.refused == {}
        assert_whole(farm, TOTAL)
        assert spool(here).entries == 0


def test_nobody_there_costs_nothing(site: Path, results: Path, server: Postgres) -> None:
    with Ledger.open(results / "ledger.db") as farm, Ledger.open(site) as here:
        before = spool(here)
        server.stop("immediate")
        try:
            with pytest.raises(LedgerAway, match="cannot reach the ledger"):
                deliver(here, farm)
            assert spool(here) == before
        finally:
            server.start()
        assert deliver(here, farm).sessions == TOTAL


def test_two_deliver_the_same_at_once(site: Path, results: Path, tmp_path: Path) -> None:
    """A copied folder, or one worker too many: sessions are there once all the same."""
    shutil.copytree(site.parent, tmp_path / "copy")
    done: list[Delivered] = []

    def bring(path: Path) -> None:
        with Ledger.open(results / "ledger.db") as farm, Ledger.open(path) as here:
            done.append(deliver(here, farm))

    threads = [threading.Thread(target=bring, args=(path,)) for path in (site, tmp_path / "copy" / "ledger.db")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(each.sessions for each in done) == TOTAL
    with Ledger.open(results / "ledger.db") as farm:
        assert_whole(farm, TOTAL)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"full disk: a small tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(site: Ledger, recorded: list[str]) -> None:
    for block in range(1000):
        session = samples.session(samples.planned(block=block), CHUNKS, block)
        site.record_session(session)
        recorded.append(session.session_id)


def test_a_sites_full_disk_is_told_and_nothing_of_it_is_lost(small_disk: Path, results: Path) -> None:
    recorded: list[str] = []
    with Ledger.open(small_disk / "ledger.db") as here, Ledger.open(results / "ledger.db") as farm:
        begin_spool(here)
        here.begin_study(samples.study())
        here.record_artifact(samples.artifact(small_disk / "a.onnx"))
        with pytest.raises(LedgerError, match=r"ledger.db: the disk is full"):
            fill(here, recorded)
        assert spool(here).sessions == len(recorded) > 0
        # What arrived may not be noted on a full disk: it is delivered again, and known.
        with suppress(LedgerError):
            deliver(here, farm)
        assert assert_whole(farm) == len(recorded)
        subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
        deliver(here, farm)
        assert spool(here).entries == 0
        assert assert_whole(farm) == len(recorded)


def test_a_site_that_may_not_be_written_is_told_before_anything_is_measured(small_disk: Path) -> None:
    Ledger.open(small_disk / "ledger.db").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError, match=r"ledger.db: it is read-only"):
        Ledger.open(small_disk / "ledger.db")
