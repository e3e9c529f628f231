"""A site's cache: nothing is used that is not what its name says, and nothing is fetched twice."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.ledger.store.cache import Cache
from orchestrator.ledger.store.places import store_at
from tests.orchestrator.ledger.store.web_server import web_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def sha256(folder: Path, content: Path) -> str:
    return store_at(f"file://{folder}").put(content)


def test_a_file_is_fetched_once(folder: Path, sha256: str, content: Path, tmp_path: Path) -> None:
    with web_server(folder) as (url, asked):
        cache = Cache(tmp_path / "cache", store_at(url))
        assert not cache.holds(sha256)
        paths = {cache.path(sha256) for _ in range(3)}
        assert len(paths) == len(asked) == 1
    [path] = paths
    assert path.read_bytes() == content.read_bytes()
    assert Cache(tmp_path / "cache", None).path(sha256) == path, "the store is not needed any more"


@pytest.mark.parametrize("damage", [b"", b"x" * (5 << 19)], ids=["emptied", "overwritten"])
def test_a_file_that_was_changed_here_is_fetched_again(
    folder: Path, sha256: str, content: Path, tmp_path: Path, damage: bytes
) -> None:
    cache = Cache(tmp_path / "cache", store_at(f"file://{folder}"))
    path = cache.path(sha256)
    path.chmod(0o644)
    path.write_bytes(damage)
    assert not cache.holds(sha256)
    assert cache.path(sha256).read_bytes() == content.read_bytes()


def test_a_file_that_was_only_touched_is_proven_and_not_fetched(folder: Path, sha256: str, tmp_path: Path) -> None:
    path = Cache(tmp_path / "cache", store_at(f"file://{folder}")).path(sha256)
    os.utime(path)
    assert Cache(tmp_path / "cache", None).path(sha256) == path


def test_a_damaged_file_of_the_store_is_told_and_never_used(folder: Path, sha256: str, tmp_path: Path) -> None:
    (folder / sha256[:2] / sha256).write_bytes(b"another")
    with web_server(folder) as (url, asked):
        cache = Cache(tmp_path / "cache", store_at(url))
        with pytest.raises(StoreError, match="is not what its name says"):
            cache.path(sha256)
        assert len(asked) == 3
    assert not cache.holds(sha256)
    assert [p.name for p in (tmp_path / "cache" / sha256[:2]).iterdir()] == [".lock"]


def test_what_a_killed_process_left_is_gone_on_with(folder: Path, sha256: str, content: Path, tmp_path: Path) -> None:
    part = tmp_path / "cache" / sha256[:2] / f".{sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content.read_bytes()[:100_000])
    with web_server(folder) as (url, asked):
        Cache(tmp_path / "cache", store_at(url)).path(sha256)
    assert asked == ["GET bytes=100000-"]
    assert not part.exists()


def test_what_is_left_of_another_file_is_found_out(folder: Path, sha256: str, content: Path, tmp_path: Path) -> None:
    part = tmp_path / "cache" / sha256[:2] / f".{sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    path = Cache(tmp_path / "cache", store_at(f"file://{folder}")).path(sha256)
    assert path.read_bytes() == content.read_bytes()


def test_threads_and_processes_fetch_it_once(folder: Path, sha256: str, tmp_path: Path) -> None:
    with web_server(folder) as (url, asked):
        program = (
            "import sys; from pathlib import Path\n"
            "from orchestrator.ledger.store.cache import Cache\n"
            "from orchestrator.ledger.store.places import store_at\n"
            "print(Cache(Path(sys.argv[1]), store_at(sys.argv[2])).path(sys.argv[3]))"
        )
        argv = [sys.executable, "-c", program, str(tmp_path / "cache"), url, sha256]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        cache = Cache(tmp_path / "cache", store_at(url))
        threads = [threading.Thread(target=cache.path, args=(sha256,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert len(asked) == 1
    assert told.strip() == str(cache.path(sha256))


def test_what_was_made_here_is_kept_and_placed(content: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", None)
    sha256 = cache.keep(content)
    assert sha256 == hashlib.sha256(content.read_bytes()).hexdigest()
    for _ in range(2):
        cache.place(sha256, tmp_path / "models" / "model.onnx")
    placed = tmp_path / "models" / "model.onnx"
    assert placed.read_bytes() == content.read_bytes()
    assert placed.stat().st_nlink == 1, "onnx refuses weights that have two names"
    assert [p.name for p in placed.parent.iterdir()] == ["model.onnx"]


def test_without_a_store_what_is_absent_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store to ask"):
        Cache(tmp_path / "cache", None).path("0" * 64)
