"""Steps of the schema, taken on a connection or told as SQL. Alembic is of the extra farm: imported when needed."""

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select

from orchestrator.errors import LedgerError
from orchestrator.ledger.tables import SCHEMA, SchemaRow

if TYPE_CHECKING:
    from alembic.config import Config

# Of the first release that could keep a ledger in a PostgreSQL.
FIRST = 6
_STEPS = "orchestrator.ledger:migrations"
STEPS_TABLE = "alembic_version"


def take(connection: Connection) -> None:
    """All steps that the ledger behind ``connection`` lacks, in its transaction; of an empty database all there are.

    A ledger that was made without Alembic is first told which steps it has had. Raises LedgerError without Alembic.
    """
    from_ = _untold(connection)
    config = _config()
    config.attributes["connection"] = connection
    from alembic import command

    if from_ is not None:
        command.stamp(config, _revision(from_))
    command.upgrade(config, "head")


def as_sql(version: int, *, told: bool) -> str:
    """What brings a ledger of schema ``version`` (0: an empty database) to the newest one, for whoever does it by hand.

    ``told``: the ledger knows which steps it has had. Raises LedgerError as ``take``.
    """
    config = _config()
    from alembic import command

    if version and not told:
        command.stamp(config, _revision(version), sql=True)
    command.upgrade(config, f"{_revision(version) if version else 'base'}:head", sql=True)
    assert isinstance(config.output_buffer, io.StringIO)
    return config.output_buffer.getvalue()


def _untold(connection: Connection) -> int | None:
    """The schema of a ledger that does not say which steps it has had; None: it does, or there is no ledger."""
    names = inspect(connection).get_table_names()
    if STEPS_TABLE in names or SchemaRow.__tablename__ not in names:
        return None
    version: int = connection.execute(select(SchemaRow.version)).scalar_one()
    if not FIRST <= version <= SCHEMA:
        raise LedgerError(f"the ledger has schema {version}: no PostgreSQL had that", hint="restore it from a backup")
    return version


def _revision(version: int) -> str:
    return f"schema{version}"


def _config() -> "Config":
    if find_spec("alembic") is None:
        raise LedgerError(
            "the tables of a ledger in a PostgreSQL are made by Alembic", hint="pip install 'earshot[farm]'"
        )
    from alembic.config import Config

    config = Config(output_buffer=io.StringIO())
    config.set_main_option("script_location", _STEPS)
    return config
