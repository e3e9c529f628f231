"""A PostgreSQL of the tests' own, on 127.0.0.1: Debian's programs, a folder that they made, a password in a file.

Or on an address of a network namespace that a test made, as hosts of other rooms reach it.
"""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_USER, _PASSWORD = "owner", "not a secret: this server ends with the tests"
_TIMEOUT_S = 60
_COUNTER = itertools.count()
# Only a test of what survives a power cut would need them.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100")


@dataclass(frozen=True)
class Where:
    """``before``: what a command begins with that enters the network namespace. ``subnet``: who may dial ``address``
    from outside of it.
    """

    before: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    subnet: str | None = None


@dataclass
class Postgres:
    """A running server. It refuses root, so its files belong to the system's user of that name."""

    folder: Path
    port: int
    passfile: Path
    settings: Sequence[str] = field(default=_FAST)
    where: Where = Where()

    def start(self) -> None:
        listen = f"listen_addresses={self.where.address}"
        options = [f"-c{setting}" for setting in (*self.settings, f"port={self.port}", listen)]
        options += [f"-cunix_socket_directories={self.folder}"]
        self._run("pg_ctl", "--wait", "--log", str(self.folder / "log"), "--options", " ".join(options), "start")

    def stop(self, mode: str = "fast") -> None:
        """``mode`` immediate: as a crash would, without a word to its clients."""
        self._run("pg_ctl", "--wait", "--mode", mode, "stop")

    def end(self) -> None:
        """Also of one that a test has stopped."""
        if (self.folder / "data/postmaster.pid").exists():
            self.stop("immediate")

    def promote(self) -> None:
        """A standby becomes the primary."""
        self._run("pg_ctl", "--wait", "promote")

    def empty(self) -> str:
        """URL of a new and empty schema, as a ledger.url has it: a database of its own would take 300 files."""
        name = f"ledger_{os.getpid()}_{next(_COUNTER)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url()}&options=-csearch_path%3D{name}"

    def url(self, name: str = "postgres", user: str = _USER) -> str:
        return f"postgresql://{user}@{self.where.address}:{self.port}/{name}?passfile={self.passfile}"

    def socket_url(self, name: str = "postgres", user: str = _USER) -> str:
        """The same from any network namespace of this machine."""
        return f"postgresql://{user}@/{name}?host={self.folder}&port={self.port}&passfile={self.passfile}"

    def connect(self, name: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.socket_url(name), autocommit=True)

    def dump(self, file: Path) -> str:
        """All that is in it, as text."""
        self.tool("pg_dump", "--inserts", f"--file={file}", self.socket_url())
        return file.read_text()

    def tool(self, program: str, *arguments: str) -> None:
        """A client of PostgreSQL's own, as whoever runs the tests."""
        subprocess.run([str(_PROGRAMS[-1] / program), *arguments], check=True, timeout=_TIMEOUT_S)

    def _run(self, program: str, *arguments: str) -> None:
        as_user = [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        argv = [
            *self.where.before,
            *as_user,
            str(_PROGRAMS[-1] / program),
            "--pgdata",
            str(self.folder / "data"),
            *arguments,
        ]
        # Not pipes: the server that pg_ctl leaves behind would keep them open.
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(argv, cwd=self.folder, stdout=log, stderr=log, timeout=_TIMEOUT_S, check=False)
        if done.returncode:
            raise AssertionError(f"{program} failed: {(self.folder / 'programs.log').read_text()[-2000:]}")

    def copy(self, primary: "Postgres") -> None:
        """All that is in it, as a standby that repeats what comes."""
        passfile = Path(shutil.copy(primary.passfile, self.folder / "pgpass"))
        passfile.chmod(0o600)
        if not os.geteuid():
            shutil.chown(passfile, "postgres")
        source = primary.socket_url().replace(str(primary.passfile), str(passfile))
        self._run("pg_basebackup", f"--dbname={source}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    def make(self) -> None:
        password = self.folder / "password"
        password.write_text(_PASSWORD + "\n")
        if not os.geteuid():
            shutil.chown(password, "postgres")
        self._run(
            "initdb",
            f"--username={_USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--no-sync",
            "--locale=C.UTF-8",
        )
        if self.where.subnet:
            with (self.folder / "data/pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {self.where.subnet} scram-sha-256\n")


@contextmanager
def postgres(settings: Sequence[str] = _FAST, where: Where = Where()) -> Iterator[Postgres]:
    """Skips the test where Debian's PostgreSQL is not installed."""
    if not _PROGRAMS:
        pytest.skip("PostgreSQL is not installed (tests/system_parts.sh)")
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="earshot-postgres-"))
    try:
        if not os.geteuid():
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid)
        passfile = folder / "pgpass"
        passfile.write_text(f"*:*:*:{_USER}:{_PASSWORD.replace(':', chr(92) + ':')}\n")
        passfile.chmod(0o600)
        server = Postgres(folder, _free_port(), passfile, settings, where)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder)


@contextmanager
def standby_of(primary: Postgres) -> Iterator[Postgres]:
    """A second server that streams from ``primary``, beside it."""
    folder = Path(tempfile.mkdtemp(prefix="earshot-standby-"))
    try:
        if not os.geteuid():
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid)
        standby = Postgres(folder, _free_port(), primary.passfile, primary.settings, primary.where)
        standby.copy(primary)
        standby.start()
        try:
            yield standby
        finally:
            standby.end()
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """One server for all tests of this process; each takes a database of its own."""
    with postgres() as server:
        yield server
