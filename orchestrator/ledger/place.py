"""Where a ledger is: a SQLite file in the results folder, or the PostgreSQL database that the folder is attached to."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.errors import LedgerError

# Beside where ledger.db would be: one line, the database's URL.
URL_FILE = "ledger.url"
_DRIVER = "postgresql+psycopg"
_NAMES = ("postgresql", "postgres", _DRIVER)
_FORM = "postgresql://USER@HOST/DATABASE?passfile=/path/to/pgpass, or postgresql://?service=NAME"


@dataclass(frozen=True)
class Place:
    """``file``: of SQLite; None: ``url`` is a PostgreSQL's. Paths of artifacts are told relative to ``folder``."""

    folder: Path
    url: URL
    file: Path | None

    def __str__(self) -> str:
        return str(self.file) if self.file else self.url.set(drivername="postgresql").render_as_string()


def place_named(text: str, folder: Path) -> Place:
    """Of ``sqlite:PATH`` or of a PostgreSQL's URL, whose artifacts lie below ``folder``. Raises LedgerError."""
    kind, _, path = text.partition(":")
    if kind == "sqlite":
        file = Path(path.removeprefix("//")).expanduser().resolve()
        return Place(file.parent, URL.create("sqlite", database=str(file)), file)
    return Place(folder.resolve(), database_url(text), None)


def place_of(path: Path) -> Place:
    """``path`` is that of a ledger.db; the ledger is there unless its folder is attached to a database.

    Raises LedgerError.
    """
    path = path.resolve()
    attached = path.with_name(URL_FILE)
    if not attached.is_file():
        return Place(path.parent, URL.create("sqlite", database=str(path)), path)
    if path.exists():
        raise LedgerError(
            f"{path.parent} has a ledger of its own, {path.name}, and is attached to a database by {URL_FILE}",
            hint=f"earshot ledger migrate brings one into the other; then move {path.name} away",
        )
    try:
        text = attached.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise LedgerError(f"cannot read {attached}: {exc}", hint=f"it has one line: {_FORM}") from exc
    return Place(path.parent, database_url(text.strip(), str(attached)), None)


def is_there(path: Path) -> bool:
    """Whether there is anything to open at a ledger.db: the file, or what its folder is attached to."""
    return path.exists() or path.with_name(URL_FILE).exists()


def database_url(text: str, where: str = "the command line") -> URL:
    """Raises LedgerError for what is no PostgreSQL's URL, and for a password in it: that is given by reference."""
    try:
        url = make_url(text)
    except ArgumentError as exc:
        raise LedgerError(f"{where} holds no URL of a database: {text!r}", hint=_FORM) from exc
    if url.drivername not in _NAMES:
        raise LedgerError(f"a farm's ledger is a PostgreSQL, and {where} says {url.drivername}", hint=_FORM)
    if url.password is not None or "password" in url.query:
        raise LedgerError(
            f"{where} has a password in the URL, where everybody who lists processes or reads files sees it",
            hint=f"put it into a password file of mode 600: {_FORM}",
        )
    return url.set(drivername=_DRIVER)
