"""kill -9 of the controller, two at once, a full disk: no half row, and what was acknowledged is there."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.ledger import ledger_samples as samples
from tests.orchestrator.ledger import write_sessions

ROOT = Path(__file__).parents[3]
TOTAL = 40


def start(path: Path, count: int, first_block: int = 0) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", write_sessions.__name__, str(path), str(count), str(first_block)]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def assert_sound(path: Path) -> None:
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows_of(path, "PRAGMA foreign_key_check") == []
    arrays = "SELECT count(*) FROM session_arrays a WHERE a.session_id = s.session_id"
    assert rows_of(path, f"SELECT session_id FROM sessions s WHERE 3 != ({arrays})") == []


def test_killed_controller_leaves_no_half_row_and_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    rng = random.Random(7)
    acknowledged: set[str] = set()
    for _ in range(6):
        controller = start(path, TOTAL)
        assert controller.stdout is not None
        line = controller.stdout.readline()
        time.sleep(rng.uniform(0, 0.1))
        controller.kill()
        rest, _ = controller.communicate()
        acknowledged |= {*line.split(), *rest.split()}
        assert_sound(path)
        with Ledger.open(path) as ledger:
            assert acknowledged <= ledger.finished_ids("s1")
    assert acknowledged
    with Ledger.open(path) as ledger:
        before = ledger.finished_ids("s1")
    last = start(path, TOTAL)
    printed, errors = last.communicate()
    assert (last.returncode, errors) == (0, "")
    assert not set(printed.split()) & before
    with Ledger.open(path) as ledger:
        assert len(ledger.finished_ids("s1")) == TOTAL
        for session in ledger.sessions("s1"):
            assert samples.same_arrays(session, samples.session(session.planned, 400, session.planned.block))
    assert_sound(path)


def test_killed_while_it_creates_the_ledger(tmp_path: Path) -> None:
    rng = random.Random(3)
    for attempt in range(4):
        path = tmp_path / f"{attempt}" / "ledger.db"
        controller = start(path, 1)
        while controller.poll() is None and not path.exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))
        controller.kill()
        controller.communicate()
        with Ledger.open(path) as ledger:
            ledger.begin_study(samples.study())
            assert ledger.study("s1") == samples.study()


def test_two_controllers_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    # The second half of the first one's sessions are the first half of the second one's.
    controllers = [start(path, 20, 0), start(path, 20, 10)]
    ended = [controller.communicate() for controller in controllers]
    assert [c.returncode for c in controllers] == [0, 0], ended
    assert_sound(path)
    with Ledger.open(path) as ledger:
        assert {s.planned.block for s in ledger.sessions("s1", with_arrays=False)} == set(range(30))


def test_threads_of_one_controller_write_at_once(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        failures: list[BaseException] = []

        def write(first: int) -> None:
            try:
                for block in range(first, first + 10):
                    ledger.record_session(samples.session(samples.planned(block=block)))
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 5, 10, 15)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(ledger.finished_ids("s1")) == 25


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    except FileNotFoundError:
        pytest.skip("full disk: there is no mount command")
    if mounted.returncode:
        pytest.skip(f"full disk: a small tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(ledger: Ledger, recorded: set[str]) -> None:
    for block in range(1000):
        session = samples.session(samples.planned(block=block), 400, block)
        ledger.record_session(session)
        recorded.add(session.session_id)


def test_full_disk_is_told_and_the_ledger_stays_sound(small_disk: Path) -> None:
    path = small_disk / "ledger.db"
    recorded: set[str] = set()
    with Ledger.open(path) as ledger:
        ledger.begin_study(samples.study())
        ledger.record_artifact(samples.artifact(small_disk / "a.onnx"))
        with pytest.raises(LedgerError, match=r"ledger.db: the disk is full") as caught:
            fill(ledger, recorded)
        assert "run the same command again" in str(caught.value.hint)
        assert recorded
        assert ledger.finished_ids("s1") == recorded
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert_sound(path)
    with Ledger.open(path) as ledger:
        assert ledger.record_session(samples.session(samples.planned(block=len(recorded)), 400)) is True
        assert len(ledger.sessions("s1")) == len(recorded) + 1
