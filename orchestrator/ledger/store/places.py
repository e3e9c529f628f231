"""Which store a farm has: what a file beside its ledger says, else the database."""

from pathlib import Path
from urllib.parse import urlsplit

from agents.durable import remove, write_file
from orchestrator.errors import StoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.at_url import UrlStore
from orchestrator.ledger.store.base import Store
from orchestrator.ledger.store.in_database import DatabaseStore
from orchestrator.ledger.store.over_http import HttpStore

# Beside ledger.url: one line, the store's URL.
STORE_FILE = "store.url"
DATABASE = "database"
_FORM = "file:///srv/earshot-store, s3://BUCKET/FOLDER, https://HOST/FOLDER (read only)"


def store_of(ledger: Ledger) -> Store:
    """Of the farm whose ledger this is. Raises StoreError for a URL that cannot be one."""
    attached = ledger.place.folder / STORE_FILE
    try:
        url = attached.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return DatabaseStore(ledger)
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreError(f"cannot read {attached}: {exc}", hint=f"it has one line: {_FORM}") from exc
    return store_at(url, str(attached))


def store_at(url: str, where: str = "the command line") -> Store:
    """Raises StoreError for what is no URL, holds a secret, or has no driver here."""
    check_url(url, where)
    return HttpStore(url) if urlsplit(url).scheme in ("http", "https") else UrlStore(url)


def check_url(url: str, where: str = "the command line") -> None:
    """Raises StoreError for what is no store's URL, and for a secret in it: that is given by reference."""
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise StoreError(f"{where} holds no URL of a store: {url!r}", hint=_FORM) from exc
    if not parts.scheme or not (parts.netloc or parts.path.strip("/")) or "://" not in url:
        raise StoreError(f"{where} holds no URL of a store: {url!r}", hint=_FORM)
    if parts.password is not None or parts.query:
        raise StoreError(
            f"{where} has a secret in the store's URL, where everybody who lists processes or reads files sees it",
            hint=f"leave it to the driver: ~/.aws, AWS_PROFILE, AWS_ENDPOINT_URL, ~/.ssh ({_FORM})",
        )


def attach_store(folder: Path, url: str) -> None:
    """The results folder's farm keeps its files there from now on; ``DATABASE``: in its ledger's database.

    The store is asked something before it is believed. Raises StoreError.
    """
    attached = folder / STORE_FILE
    try:
        if url == DATABASE:
            remove(str(attached))
            return
        store_at(url).has("0" * 64)
        folder.mkdir(parents=True, exist_ok=True)
        write_file(str(attached), f"{url}\n".encode())
    except OSError as exc:
        raise StoreError(f"cannot write {attached}: {exc.strerror or exc}", hint="may you write there?") from exc
