"""Files below a URL of fsspec's: a folder, an object store, whatever it has a driver for."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.errors import StoreError
from orchestrator.ledger.store.base import FRESH_S, Held, absent, digest_of, is_sha256

_BLOCK_BYTES = 1 << 20
# Where a file appears as a whole or not at all; elsewhere it gets a name of its own first.
_OBJECTS = ("s3", "s3a", "gs", "gcs", "abfs", "az", "memory")
_OVER_SSH = ("sftp", "ssh")
# Protocol -> what to install beside fsspec.
_DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class UrlStore:
    """``<url>/<two digits>/<sha256>``. Credentials and endpoints are the driver's own, by reference (~/.aws)."""

    def __init__(self, url: str) -> None:
        self.place = url
        # A connection for each thread: two that use one of paramiko's at once may wait for each other for ever.
        self._own = threading.local()
        self._own.driver, self._root = _opened(url)
        self._whole = _protocol(url) in _OBJECTS

    @property
    def _fs(self) -> Any:
        """Opened again after a fault: a connection that was cut stays so."""
        driver = getattr(self._own, "driver", None)
        if driver is None:
            driver = self._own.driver = _opened(self.place)[0]
        return driver

    def has(self, sha256: str) -> bool:
        return self._info(sha256) is not None

    def put(self, path: Path) -> str:
        sha256, size = digest_of(path)
        there = self._info(sha256)
        if there is not None and there["size"] == size and _age_s(there) < FRESH_S / 2:
            return sha256
        target = self._path(sha256)
        sent = target if self._whole else f"{target}.{secrets.token_hex(4)}.part"
        with self._in_our_words():
            # An object store has no folders, and its driver would make a bucket of a name that was mistyped.
            if not self._whole:
                self._make_folder(target.rpartition("/")[0])
            self._fs.put_file(str(path), sent)
            if not self._whole:
                self._fs.mv(sent, target)
        self._forget()
        return sha256

    def read(self, sha256: str, start: int) -> Iterator[bytes]:
        with self._in_our_words():
            try:
                with self._fs.open(self._path(sha256), "rb") as file:
                    file.seek(start)
                    while block := file.read(_BLOCK_BYTES):
                        yield block
            except FileNotFoundError as exc:
                raise absent(sha256, self.place) from exc

    def held(self) -> Iterator[Held]:
        with self._in_our_words():
            self._forget()
            try:
                found = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                return
        for path, info in found.items():
            name = path.rpartition("/")[2]
            if is_sha256(name):
                yield Held(name, info["size"], _time_of(info))

    def delete(self, sha256: str) -> None:
        with self._in_our_words():
            if self._info(sha256) is not None:
                self._fs.rm_file(self._path(sha256))
            self._forget()

    def _make_folder(self, folder: str) -> None:
        try:
            self._fs.makedirs(folder, exist_ok=True)
        except Exception:
            # Some drivers look first and make then: another may have made it in between.
            if not self._fs.isdir(folder):
                raise

    def _path(self, sha256: str) -> str:
        return f"{self._root.rstrip('/')}/{sha256[:2]}/{sha256}"

    def _info(self, sha256: str) -> dict[str, Any] | None:
        with self._in_our_words():
            self._forget()
            try:
                info: dict[str, Any] = self._fs.info(self._path(sha256))
            except FileNotFoundError:
                return None
        return info

    def _forget(self) -> None:
        # Drivers keep listings, and others write there too.
        self._fs.invalidate_cache()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as exc:  # each driver has its own
            self._own.driver = None
            raise _fault(self.place, exc) from exc


def _protocol(url: str) -> str:
    return url.partition("://")[0]


def _opened(url: str) -> tuple[Any, str]:
    """The driver, and what it calls the place."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as exc:
        raise StoreError(f"the store {url} needs {exc.name}", hint="pip install 'earshot[farm]'") from exc
    try:
        # Not a driver that others of this process have: it may be one whose connection was cut.
        fs, root = url_to_fs(url, skip_instance_cache=True, **_options(url))
    except ImportError as exc:
        driver = _DRIVERS.get(_protocol(url), exc.name or _protocol(url))
        raise StoreError(f"the store {url} needs {driver}", hint=f"pip install {driver}") from exc
    except ValueError as exc:
        raise StoreError(f"no driver knows the store {url}: {exc}", hint="file:///FOLDER, s3://BUCKET/FOLDER") from exc
    except Exception as exc:  # drivers connect here, and their errors share no base class
        raise _fault(url, exc) from exc
    return fs, root


def _options(url: str) -> dict[str, Any]:
    if _protocol(url) not in _OVER_SSH:
        return {}
    from orchestrator.ledger.store.known_hosts import KnownHosts

    return {"host_key_policy": KnownHosts}


def _fault(url: str, exc: Exception) -> StoreError:
    said = next(iter(str(exc).strip().splitlines()), "") or type(exc).__name__
    return StoreError(f"cannot use the store {url}: {said}", hint="check its URL, the network and your rights there")


def _age_s(info: dict[str, Any]) -> float:
    """As old as can be where nobody knows: it is put again then."""
    put_utc_s = _time_of(info)
    return FRESH_S if put_utc_s is None else time.time() - put_utc_s


def _time_of(info: dict[str, Any]) -> float | None:
    """Drivers tell it as ``mtime``, ``LastModified`` or ``created``: a number, or a date."""
    told = info.get("mtime") or info.get("LastModified") or info.get("last_modified") or info.get("created")
    if isinstance(told, datetime):
        return told.timestamp()
    return float(told) if isinstance(told, int | float) else None
