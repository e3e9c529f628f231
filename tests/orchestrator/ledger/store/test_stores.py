"""Every store keeps the same promises: whole files by their hash, once, and told apart from what is not there."""

import getpass
import hashlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.errors import StoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.arrival import get
from orchestrator.ledger.store.at_url import UrlStore
from orchestrator.ledger.store.base import Store
from orchestrator.ledger.store.in_database import PART_BYTES, DatabaseStore
from orchestrator.ledger.store.places import DATABASE, STORE_FILE, attach_store, store_at, store_of
from tests.hosts import SshHost, make_host
from tests.orchestrator.ledger.store.web_server import web_server

ABSENT = "0" * 64


class Contract:
    """What holds of every store that can be written to."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def test_a_file_comes_back_as_it_was(self, store: Store, content: Path, tmp_path: Path) -> None:
        sha256 = store.put(content)
        assert sha256 == hashlib.sha256(content.read_bytes()).hexdigest()
        assert store.has(sha256)
        get(store, sha256, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content.read_bytes()

    def test_from_any_byte_on(self, store: Store, content: Path) -> None:
        sha256, whole = store.put(content), content.read_bytes()
        for start in (1, PART_BYTES, PART_BYTES + 1, len(whole)):
            assert b"".join(store.read(sha256, start)) == whole[start:]

    def test_an_empty_file(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        sha256 = store.put(tmp_path / "empty")
        assert store.has(sha256)
        assert b"".join(store.read(sha256, 0)) == b""

    def test_what_is_not_there_is_told(self, store: Store, tmp_path: Path) -> None:
        assert not store.has(ABSENT)
        with pytest.raises(StoreError, match=f"there is no file {ABSENT[:12]} in"):
            get(store, ABSENT, tmp_path / "back")
        assert not (tmp_path / "back").exists()

    def test_what_is_held_can_be_listed_and_deleted(self, store: Store, content: Path) -> None:
        assert list(store.held()) == []
        sha256 = store.put(content)
        [held] = store.held()
        assert (held.sha256, held.size_bytes) == (sha256, content.stat().st_size)
        assert held.put_utc_s is not None
        store.delete(sha256)
        store.delete(sha256)
        assert not store.has(sha256)
        assert list(store.held()) == []

    def test_several_put_the_same_file_at_once(self, store: Store, content: Path, tmp_path: Path) -> None:
        faults: list[Exception] = []

        def put() -> None:
            try:
                store.put(content)
            except Exception as exc:
                faults.append(exc)

        threads = [threading.Thread(target=put) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert len(list(store.held())) == 1
        get(store, store.put(content), tmp_path / "back")

    def test_a_file_that_cannot_be_read(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot read"):
            store.put(tmp_path / "nowhere")


@pytest.mark.usefixtures("both_stores")
class TestDatabase(Contract):
    @pytest.fixture
    def store(self, ledger: Ledger) -> Store:
        return store_of(ledger)

    def test_goes_on_after_the_parts_that_are_there(
        self, ledger: Ledger, content: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, sent = DatabaseStore(ledger), []
        insert = DatabaseStore._insert

        def one_then_cut(self: DatabaseStore, sha256: str, part: int, *rest: object) -> None:
            if len(sent) == 1:
                raise StoreError("cut")
            sent.append(part)
            insert(self, sha256, part, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(DatabaseStore, "_insert", one_then_cut)
        with pytest.raises(StoreError, match="cut"):
            store.put(content)
        assert not store.has(hashlib.sha256(content.read_bytes()).hexdigest()), "half a file is none"
        monkeypatch.undo()
        sizes = []
        monkeypatch.setattr(DatabaseStore, "_insert", lambda *a: (sizes.append(a[2]), insert(*a)))
        store.put(content)
        assert sizes == [1, 2], "the first part was there"

    def test_a_file_that_changes_while_it_is_read(
        self, ledger: Ledger, content: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = DatabaseStore(ledger)
        monkeypatch.setattr("orchestrator.ledger.store.in_database.digest_of", lambda path: ("1" * 64, 5 << 19))
        with pytest.raises(StoreError, match="changed while it was read"):
            store.put(content)
        assert list(store.held()) == []


class TestFolder(Contract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return store_at(f"file://{tmp_path}/store")

    def test_a_file_that_was_cut_there_is_put_again(self, store: Store, content: Path, tmp_path: Path) -> None:
        sha256 = store.put(content)
        (tmp_path / "store" / sha256[:2] / sha256).write_bytes(b"cut")
        store.put(content)
        get(store, sha256, tmp_path / "back")

    def test_a_folder_that_nobody_may_write(self, tmp_path: Path, content: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"cannot use the store file://.*Not a directory"):
            store_at(f"file://{tmp_path}/file/store").put(content)


class TestMemory(Contract):
    """fsspec's driver that says dates as an object store does, and keeps listings."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = UrlStore(f"memory://{uuid4().hex}")
        yield store
        for held in list(store.held()):
            store.delete(held.sha256)


class TestSftp(Contract):
    """A real OpenSSH server. Keys are the user's own, and so are the servers that it knows."""

    @pytest.fixture
    def host(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshHost]:
        host = make_host(tmp_path / "sshd", settings=("Subsystem sftp internal-sftp",))
        keys = tmp_path / "home" / ".ssh"
        keys.mkdir(parents=True)
        shutil.copy(host.user_key, keys / "id_ed25519")
        shutil.copy(host.known_hosts, keys)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield host
        host.stop()

    @pytest.fixture
    def url(self, host: SshHost, tmp_path: Path) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{host.port}{tmp_path}/store"

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = UrlStore(url)
        yield store
        store._fs.client.close()

    def test_a_cut_connection_is_made_again(self, store: Store, host: SshHost, content: Path) -> None:
        sha256 = store.put(content)
        host.cut()
        with pytest.raises(StoreError, match="cannot use the store sftp:"):
            store.has(sha256)
        assert store.has(sha256)

    def test_a_server_that_nobody_knows_is_refused(self, url: str, tmp_path: Path) -> None:
        (tmp_path / "home" / ".ssh" / "known_hosts").unlink()
        with pytest.raises(StoreError, match="does not hold the key of"):
            UrlStore(url)


def test_a_web_server_is_read_only(tmp_path: Path, content: Path) -> None:
    sha256 = store_at(f"file://{tmp_path}/store").put(content)
    with web_server(tmp_path / "store") as (url, _):
        store = store_at(url)
        assert store.has(sha256)
        assert not store.has(ABSENT)
        assert store.put(content) == sha256, "what is there need not be written"
        get(store, sha256, tmp_path / "back")
        other = tmp_path / "other"
        other.write_bytes(b"other")
        for refused in (lambda: store.put(other), lambda: list(store.held()), lambda: store.delete(sha256)):
            with pytest.raises(StoreError, match="read only"):
                refused()
        with pytest.raises(StoreError, match="there is no file"):
            get(store, ABSENT, tmp_path / "absent")
    assert (tmp_path / "back").read_bytes() == content.read_bytes()


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without ranges"])
def test_a_cut_answer_goes_on_where_it_was(tmp_path: Path, content: Path, ranges: bool) -> None:
    sha256 = store_at(f"file://{tmp_path}/store").put(content)
    with web_server(tmp_path / "store", cuts=[1_000_000, 500_000], ranges=ranges) as (url, asked):
        get(store_at(url), sha256, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content.read_bytes()
    assert asked == ["GET all", "GET bytes=1000000-", "GET bytes=1500000-" if ranges else "GET bytes=1000000-"]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with web_server(tmp_path) as (url, _):
        pass
    with pytest.raises(StoreError, match=r"cannot use the store http://127.0.0.1.*refused"):
        store_at(url).has(ABSENT)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me:secret@host/store", "has a secret"),
        ("s3://bucket/store?secret=1", "has a secret"),
        ("/srv/store", "holds no URL"),
        ("file://", "holds no URL"),
        ("nothing-known://host/store", "no driver knows"),
    ],
)
def test_urls_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        store_at(url)


def test_a_driver_that_is_not_installed_is_named() -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(StoreError, match="needs s3fs") as told:
            store_at("s3://bucket/folder")
        assert told.value.hint == "pip install s3fs"


def test_a_farm_has_the_store_that_its_folder_names(ledger: Ledger, tmp_path: Path) -> None:
    assert "the database" in store_of(ledger).place
    url = f"file://{tmp_path}/store"
    attach_store(tmp_path, url)
    assert store_of(ledger).place == url
    with pytest.raises(StoreError, match="has a secret"):
        attach_store(tmp_path, "https://me:secret@host/store")
    assert store_of(ledger).place == url
    attach_store(tmp_path, DATABASE)
    assert "the database" in store_of(ledger).place
    (tmp_path / STORE_FILE).write_text("nonsense\n")
    with pytest.raises(StoreError, match=r"store\.url holds no URL"):
        store_of(ledger)
