"""Each role by trying: what it needs it may do, and nothing else. Logins as people have them, members of the roles."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from agents.uptime import Moment
from orchestrator.cli.main import cli
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.job import DONE, Job, JobState, Outcome, device_queue
from orchestrator.domain.lease import Lease
from orchestrator.errors import LedgerError
from orchestrator.ledger import health, leases, orders, outbox, outbox_targets, workers
from orchestrator.ledger.delivery import deliver
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import place_named
from orchestrator.ledger.role_rights import WORKER_MAY
from orchestrator.ledger.roles import Roles, Statement, give_roles, roles_sql
from orchestrator.ledger.spool import begin_spool
from orchestrator.ledger.tables import Table
from orchestrator.ledger.upgrade import may_upgrade, upgrade
from orchestrator.measure.farm.executor import tickets
from orchestrator.measure.farm.executor.base import Pace, Stop
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.farm.executor.procrastinate import Procrastinate
from tests import sessions
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres, postgres

# A name that must be quoted.
ROLES = Roles.named('room "3"')
LOGINS = {"berlin": ROLES.worker, "vera": ROLES.viewer, "otto": ROLES.admin}


@dataclass(frozen=True)
class Farm:
    """A database of its own with a ledger in it; ``url_of`` whom, as a ledger.url has it."""

    server: Postgres
    folder: Path

    def url_of(self, user: str, database: str = "farm") -> str:
        return self.server.url(database, user).replace(str(self.server.passfile), str(self.folder / "pgpass"))

    def ledger(self, user: str) -> Ledger:
        return Ledger.at(place_named(self.url_of(user), self.folder), create=False)

    def attached(self, user: str) -> Path:
        """A results folder of this user's."""
        folder = self.folder / user
        folder.mkdir(exist_ok=True)
        (folder / "ledger.url").write_text(self.url_of(user) + "\n")
        return folder

    def refused(self, user: str, statement: str | sql.Composed, database: str = "farm") -> str:
        """SQLSTATE of what the server says to it; empty: it did it, which is undone."""
        return self.refusals(user, [statement], database)[0]

    def refusals(self, user: str, statements: Sequence[str | sql.Composed], database: str = "farm") -> list[str]:
        """The same of each, over one connection."""
        said = []
        with psycopg.connect(self.url_of(user, database)) as connection:
            for statement in statements:
                # The server does these in no transaction.
                connection.autocommit = str(statement).startswith(("CREATE DATABASE", "ALTER SYSTEM"))
                try:
                    connection.execute(statement)  # type: ignore[arg-type]
                    said.append("")
                except psycopg.Error as exc:
                    said.append(exc.sqlstate or "?")
                finally:
                    connection.rollback()
        return said


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with postgres() as server:
        with server.connect() as connection:
            connection.execute("CREATE ROLE owner_of_farm LOGIN CREATEROLE PASSWORD 'x'")
            connection.execute("CREATE DATABASE farm OWNER owner_of_farm")
            connection.execute("CREATE DATABASE payroll")
        passwords = [f"*:*:*:{user}:x\n" for user in ("owner_of_farm", *LOGINS)]
        (folder / "pgpass").write_text("".join(passwords))
        (folder / "pgpass").chmod(0o600)
        made = Farm(server, folder)
        with server.connect("payroll") as connection:
            connection.execute("CREATE TABLE salaries (person text)")
        done = CliRunner().invoke(
            cli, ["ledger", "attach", made.url_of("owner_of_farm"), "--results", str(folder / "owner_of_farm")]
        )
        assert done.exit_code == 0, done.output
        with made.ledger("owner_of_farm") as ledger:
            give_roles(ledger, ROLES, alone=True)
            record(ledger, folder)
            record_tune(ledger)
        with server.connect() as connection:
            for user, role in LOGINS.items():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(user)))
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(user)))
        yield made


def record(ledger: Ledger, folder: Path, study_id: str = "s1") -> None:
    """What one study leaves."""
    ledger.begin_study(samples.study(study_id))
    ledger.record_artifact(samples.artifact(folder / "artifacts/a.onnx"))
    session = samples.session(samples.planned(study_id=study_id))
    ledger.record_session(session)
    ledger.record_session(samples.failed_session(samples.planned(study_id=study_id, block=1)))
    ledger.record_score(samples.score(session.session_id))
    ledger.record_decision(samples.decision(study_id))
    ledger.record_refusal(study_id, samples.QDQ, "no calibration data")
    ledger.finish_study(study_id, "finished")


def record_tune(ledger: Ledger) -> None:
    """A whole study of `earshot tune`, decided."""
    study = replace(sessions.STUDY, settings={"workflow": "tune"})
    base, other = sessions.candidate(), sessions.candidate("onnx:int8-dynamic")
    ran = sessions.race(base, service_ms=4.0) + sessions.race(other, service_ms=2.0)
    artifacts = [sessions.artifact(), sessions.artifact("onnx:int8-dynamic", 220_000)]
    scores = [sessions.score(base, range(40)), sessions.score(other, range(40))]
    asked = {"objective": Objective("latency_p99_ms"), "constraints": Constraints(), "heat": "none"}
    ledger.begin_study(study)
    for artifact in artifacts:
        ledger.record_artifact(artifact)
    for session in ran:
        ledger.record_session(session)
    ledger.record_decision(decide(study, ran, artifacts, scores, **asked))  # type: ignore[arg-type]
    ledger.finish_study(study.study_id, "finished")


def tables_of(farm: Farm) -> list[str]:
    with psycopg.connect(farm.url_of("owner_of_farm")) as connection:
        rows: list[Any] = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return sorted(name for (name,) in rows)


def test_every_table_is_somebody_s_to_change_or_nobody_s() -> None:
    assert set(WORKER_MAY) == {*Table.metadata.tables, "alembic_version"}, "say in role_rights.py what a worker may do"


def test_a_viewer_opens_and_reads_every_table(farm: Farm) -> None:
    with farm.ledger("vera") as ledger:
        (session, failed) = ledger.sessions("s1")
        assert samples.same_arrays(session, samples.session())
        assert not failed.ok
    looks = [sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)) for table in tables_of(farm)]
    assert set(farm.refusals("vera", looks)) == {""}


@pytest.mark.parametrize(
    "words",
    ["DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM {}", "DROP TABLE {}"],
)
def test_a_viewer_writes_nothing(farm: Farm, words: str) -> None:
    tables = tables_of(farm)
    writes = [sql.SQL(words).format(*[sql.Identifier(table)] * words.count("{}")) for table in tables]
    assert dict(zip(tables, farm.refusals("vera", writes), strict=True)) == dict.fromkeys(tables, "42501")
    with farm.ledger("vera") as ledger, pytest.raises(LedgerError, match="this user may not do that"):
        ledger.begin_study(samples.study("s2"))


def test_a_viewer_changes_no_column(farm: Farm) -> None:
    named = (
        "SELECT table_name, max(column_name) FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1"
    )
    with psycopg.connect(farm.url_of("vera")) as connection:
        columns: list[Any] = connection.execute(named).fetchall()
    change = sql.SQL("UPDATE {} SET {} = NULL")
    changes = [change.format(sql.Identifier(table), sql.Identifier(column)) for table, column in columns]
    assert [table for table, _ in columns if table == "sessions"]
    assert set(farm.refusals("vera", changes)) == {"42501"}


@pytest.mark.parametrize(
    "command",
    [
        "ledger studies",
        "ledger streams",
        "ledger sessions",
        "ledger sessions --verdicts",
        "ledger sessions --csv",
        "ledger percentiles --quantile 0.5",
        "ledger export-matrix",
        "native list",
        "power list",
        "telemetry status",
        "regressions",
        "devices list",
        "devices health local",
        "queue --all",
        "report study-1",
        "compare study-1:winner study-1:default",
        "ledger roles --sql",
        "ledger upgrade --sql",
    ],
)
def test_a_viewer_runs_every_command_that_reads(farm: Farm, command: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*command.split(), "--results", str(farm.attached("vera"))])
    assert done.exit_code == 0, (done.output, done.exception)


def test_a_worker_s_life(farm: Farm, tmp_path: Path) -> None:
    job = Job("j1", "o1", "session", device_queue("pi5"), "ada")
    with farm.ledger("berlin") as ledger, Ledger.open(tmp_path / "ledger.db") as site:
        me = workers.begin_worker(ledger, "berlin", "berlin/host/folder", {})
        workers.announce(ledger, "berlin", {"pi5": {"tags": ["ci"]}})

        def measure(begun: JobState, stop: Stop) -> Outcome:
            record(site, tmp_path, "s-berlin")
            health.record_failure(site, "pi5", "no answer")
            ledger.record_artifact(samples.artifact(tmp_path / "artifacts/a.onnx"))
            delivered = deliver(site, ledger)
            assert (delivered.sessions, delivered.refused) == (2, {})
            assert workers.beat_worker(ledger, me)
            return Outcome()

        begin_spool(site)
        executor = executor_of(ledger, Pace(look_s=0.5))
        assert isinstance(executor, Procrastinate)
        executor.submit(orders.Order("o1", "ada", "run", "try"), [job])
        executor.serve(me, [job.queue], {"session": measure}, threading.Event(), until_idle=True)
        tickets.drop(ledger, [ticket.ticket_id for ticket in tickets.tickets(ledger)])
        workers.end_worker(ledger, me)
        (state,) = orders.jobs(ledger, job_ids=["j1"])
        assert (state.state, state.reason) == (DONE, None)
        assert ledger.decision("s-berlin") is not None


def test_who_measures_without_a_queue_is_a_worker_too(farm: Farm, tmp_path: Path) -> None:
    moment = Moment("boot", 1.0, 1.0)
    with farm.ledger("berlin") as ledger:
        record(ledger, tmp_path, "s3")
        record(ledger, tmp_path, "s3")
        wanted = Lease("pi5", "l1", 1, "ada", None, "tune", "2026-11-21T04:00:00Z", moment)
        lease = leases.acquire(ledger, wanted, moment, lambda process: False).lease
        assert leases.beat(ledger, lease, moment)
        assert leases.release(ledger, lease)
        health.record_failure(ledger, "pi5", "no answer")
        health.record_success(ledger, "pi5")
        entry = outbox.NewEntry("k", "place", 1, 1, {})
        assert outbox.add(ledger, [entry]) == 1
        assert outbox_targets.delivered(ledger, "http://x", outbox_targets.Delivery(0, 1, 1), "2026-11-21T04:00:00Z")
        assert outbox_targets.forget(ledger, "http://x")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sessions",
        "DELETE FROM session_arrays",
        "DELETE FROM studies",
        "UPDATE sessions SET duration_s = 0",
        "UPDATE session_arrays SET blob = ''",
        "UPDATE environments SET device = 'x'",
        "UPDATE studies SET model = 'x'",
        "UPDATE ledger_schema SET version = 8",
        "INSERT INTO compacted_sessions SELECT session_id, '', 0, '{}', '' FROM sessions",
        "TRUNCATE sessions CASCADE",
        "DROP TABLE sessions CASCADE",
        "ALTER TABLE sessions ADD COLUMN x int",
        "ALTER TABLE sessions DISABLE TRIGGER ALL",
        "CREATE TABLE mine (x int)",
        "CREATE TEMP TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mallory",
        "CREATE DATABASE mine",
        "ALTER TABLE sessions OWNER TO CURRENT_USER",
        f"SET ROLE {Statement('{}', ROLES.admin)}",
        "SET ROLE owner_of_farm",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_shadow",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY sessions TO '/tmp/out'",
        "COPY sessions TO PROGRAM 'cat'",
        "ALTER SYSTEM SET log_statement = 'all'",
    ],
)
@pytest.mark.parametrize("user", ["berlin", "vera"])
def test_what_neither_a_worker_nor_a_viewer_may(farm: Farm, user: str, statement: str) -> None:
    assert farm.refused(user, statement) == "42501"


def test_other_databases_are_closed_both_ways(farm: Farm) -> None:
    assert farm.refused("berlin", "SELECT * FROM salaries", "payroll") == "42501"
    with farm.server.connect() as connection:
        connection.execute("CREATE ROLE mallory LOGIN PASSWORD 'x'")
    (farm.folder / "pgpass").write_text((farm.folder / "pgpass").read_text() + "*:*:*:mallory:x\n")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(farm.url_of("mallory"))


def test_an_admin_upgrades_and_its_new_tables_are_the_role_s(farm: Farm) -> None:
    with psycopg.connect(farm.url_of("otto"), autocommit=True) as connection:
        # As a ledger of the last release, with the roles that it had.
        for table in sorted(name for name in tables_of(farm) if name.startswith(("farm_", "compacted_"))):
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
        connection.execute("UPDATE ledger_schema SET version = 6")
        connection.execute("UPDATE alembic_version SET version_num = 'schema6'")
    for user in ("berlin", "vera"):
        with pytest.raises(LedgerError) as caught:
            farm.ledger(user)
        assert f"{ROLES.admin}, whom its tables belong to, upgrades it" in str(caught.value.hint)
        place = place_named(farm.url_of(user), farm.folder)
        assert not may_upgrade(place)
        with pytest.raises(LedgerError, match=f"{user} is no member of that role"):
            upgrade(place)
    assert upgrade(place_named(farm.url_of("otto"), farm.folder)) == 6
    with psycopg.connect(farm.url_of("otto")) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [(ROLES.admin,)]
    with farm.ledger("berlin") as ledger:
        assert workers.begin_worker(ledger, "berlin", "berlin/host/folder", {})
    with farm.ledger("vera") as ledger:
        assert len(workers.workers(ledger)) == 1
    # Until the roles are given anew, a worker may not delete in the new tables; then it may where it needs to.
    assert farm.refused("berlin", "DELETE FROM farm_needs") == "42501"
    done = CliRunner().invoke(
        cli, ["ledger", "roles", "--prefix", 'room "3"', "--results", str(farm.attached("owner_of_farm"))]
    )
    assert done.exit_code == 0, done.output
    assert farm.refused("berlin", "DELETE FROM farm_needs") == ""


def test_who_may_not_make_roles_is_told(farm: Farm) -> None:
    done = CliRunner().invoke(cli, ["ledger", "roles", "--results", str(farm.attached("berlin"))])
    assert isinstance(done.exception, LedgerError)
    assert "this user may not do that" in done.exception.message


def test_a_file_has_no_roles(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger, pytest.raises(LedgerError, match="whose rights are those of"):
        roles_sql(ledger, ROLES, alone=False)
