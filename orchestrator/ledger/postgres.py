"""A ledger in a PostgreSQL: how it is reached, how a transaction begins, and its errors in our words."""

import hashlib
from importlib.util import find_spec

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger.json_columns import dump
from orchestrator.ledger.place import Place
from orchestrator.ledger.scope import NOW, SCOPE, WRITES
from orchestrator.ledger.tables import SchemaRow
from orchestrator.ledger.tls_faults import tls_fault

# A link that is cut without a word is known after about 30 s: not after the kernel's two hours of silence, nor after
# the quarter of an hour for which it repeats what nobody acknowledges (tcp(7), TCP_USER_TIMEOUT, in ms).
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
# The same for the server, which has defaults of hours too: settings of each session (PostgreSQL 12 and later).
_SERVER_KEEPALIVE = {
    "tcp_keepalives_idle": 15,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A writer whose next word does not come is gone, and gives back what it locked: before others stop waiting for that
# (``busy_timeout_s``). Nothing of ours waits for anything inside of a transaction.
SILENT_WRITER_S = 20
_CONNECT_TIMEOUT_S = 10
# One thread per device, each with a connection for milliseconds.
_POOL, _MORE = 5, 20

# SQLSTATE (its start) -> what to tell, what to do next. First match wins.
_FAULTS = (
    ("28", "it refused this user", "check the user, the password file and pg_hba.conf"),
    ("25006", "it is a standby that takes no writes", "give the host of the primary, or wait until this one is it"),
    (
        "25P03",
        "this machine was silent for too long in a transaction",
        "run the same command again: nothing is half done",
    ),
    ("3D000", "it has no such database", "createdb NAME, then earshot ledger attach"),
    ("42501", "this user may not do that", "ask the owner of the database for that right (GRANT)"),
    ("55P03", "another session keeps it locked", "wait, then run the same command again"),
    ("53100", "its disk is full", "free some space there, then run the same command again: what is recorded is sound"),
    ("53300", "it has no connection left", "raise max_connections, or put PgBouncer in front of it"),
    ("57P", "it is shutting down or starting", "run the same command again in a moment: what is recorded is sound"),
)
# Of these nothing is wrong with what was asked: it is away, or will be itself again.
_PASSING = ("08", "25006", "25P03", "53100", "53300", "57P")
# A connection that is refused has no SQLSTATE, only words (of a server that speaks English).
_REFUSALS = (
    ("authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("does not exist", "3D000"),
    ("too many clients", "53300"),
    ("the database system is", "57P"),
)


def engine_of(place: Place, *, busy_timeout_s: float) -> Engine:
    """Raises LedgerError where the driver is missing."""
    if find_spec("psycopg") is None:
        raise LedgerError(f"the ledger {place} is a PostgreSQL", hint="pip install 'earshot[farm]'")
    settings = {"lock_timeout": round(busy_timeout_s * 1000), **_SERVER_KEEPALIVE}
    options = [place.url.query.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
    engine = create_engine(
        place.url,
        json_serializer=dump,
        # One state of the ledger from a transaction's first statement to its last.
        isolation_level="REPEATABLE READ",
        pool_pre_ping=True,
        pool_size=_POOL,
        max_overflow=_MORE,
        connect_args={
            **_KEEPALIVE,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "earshot",
            "options": " ".join(map(str, options)).strip(),
        },
    )
    event.listen(engine, "begin", _begin)
    return engine


def conninfo_of(place: Place) -> str:
    """How libpq is told of it, for whoever needs a connection of its own: everything that the URL says."""
    from psycopg.conninfo import make_conninfo

    _, told = place.url.get_dialect()().create_connect_args(place.url)
    own = {**_KEEPALIVE, "connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "earshot"}
    return make_conninfo("", **{**own, **told})


def _begin(connection: Connection) -> None:
    """A writer waits for whoever writes about the same thing before it reads: what it reads then stays true.

    The lock is taken before the first statement that looks at data, which is what fixes the transaction's snapshot. A
    round trip costs more than what the server does in it, so there is one: the level goes with the driver's own BEGIN.
    """
    from psycopg import IsolationLevel

    options, driver = connection.get_execution_options(), connection.connection.driver_connection
    assert driver is not None
    connection.info.pop(NOW, None)
    if not options.get(WRITES, False):
        driver.isolation_level = IsolationLevel.REPEATABLE_READ
        return
    driver.isolation_level = IsolationLevel.READ_COMMITTED
    key = int.from_bytes(hashlib.sha256(options.get(SCOPE, "").encode()).digest()[:8], "big", signed=True)
    # The lock is what the SELECT reads from, so its clock is asked when the lock is there.
    locked = connection.exec_driver_sql(
        f"SELECT extract(epoch FROM clock_timestamp())::float8 FROM pg_advisory_xact_lock({key});"
        f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_WRITER_S}s'"
    )
    connection.info[NOW] = locked.scalar_one()


def owner_of(connection: Connection) -> str:
    """The role that a ledger's tables belong to."""
    owner = text("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(:table)")
    return str(connection.execute(owner, {"table": SchemaRow.__tablename__}).scalar_one())


def user_of(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_user")).scalar_one())


def not_upgraded(place: Place, version: int, wanted: int, owner: str) -> LedgerError:
    return LedgerError(
        f"the ledger {place} has schema {version}, this Earshot reads schema {wanted}",
        hint=f"{owner}, whom its tables belong to, upgrades it with `earshot ledger upgrade`",
    )


def not_a_ledger(place: Place, detail: str) -> LedgerError:
    return LedgerError(f"cannot use the ledger {place}: it is not a ledger ({detail})", hint="give an empty database")


def fault(place: Place, error: DBAPIError) -> LedgerError:
    detail = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
    said = str(error.orig)
    told = getattr(error.orig, "sqlstate", None)
    tls = None if told else tls_fault(said)
    if tls is not None:
        what, hint = tls
        return LedgerError(f"cannot use the ledger {place}: {what} ({detail})", hint=hint)
    state = told or next((state for words, state in _REFUSALS if words in said), "")
    for start, what, hint in _FAULTS:
        if state.startswith(start):
            kind = LedgerAway if state.startswith(_PASSING) else LedgerError
            return kind(f"cannot use the ledger {place}: {what} ({detail})", hint=hint)
    lost = not state and isinstance(error, OperationalError | InterfaceError)
    if lost or state.startswith(_PASSING):
        return LedgerAway(
            f"cannot reach the ledger {place}: {detail}",
            hint="check the network and that PostgreSQL runs, then run the same command again: it goes on",
        )
    return LedgerError(f"cannot use the ledger {place}: {detail}")
