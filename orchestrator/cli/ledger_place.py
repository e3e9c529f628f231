"""``earshot ledger attach | upgrade | migrate``: where a ledger is, and its tables."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.migrate import migrate as copy
from orchestrator.ledger.place import URL_FILE, Place, place_named, place_of
from orchestrator.ledger.store.places import attach_store
from orchestrator.ledger.tables import SCHEMA
from orchestrator.ledger.upgrade import may_upgrade, upgrade_sql
from orchestrator.ledger.upgrade import upgrade as bring_up
from orchestrator.measure.farm.executor.tickets import prepare
from orchestrator.measure.transports.base import whole_file


@click.command()
@click.argument("url")
@click.option("--store", metavar="URL", help="Where models and artifacts travel through; by default the database.")
@results_option
def attach(url: str, store: str | None, results: Path) -> None:
    """Keep the ledger of a results folder in the PostgreSQL at URL from now on.

    Makes the tables where the database is empty, or brings older ones up to date, where this user is the one whom they
    belong to; writes the URL into ledger.url in the results folder. A password is given by reference: a password file
    of mode 600, or a service of pg_service.conf.

    Files of models and artifacts travel from host to host through the database too, or through a --store that all
    hosts of the farm reach: a folder (file:///...), an object store (s3://..., with s3fs), a web server (https://...,
    read only), whatever fsspec has a driver for. Its credentials are the driver's own (~/.aws).

    \b
    earshot ledger attach 'postgresql://earshot@db.lab/earshot?passfile=/home/me/.pgpass'
    earshot ledger attach 'postgresql://?service=earshot' --results berlin
    earshot ledger attach 'postgresql://?service=earshot' --store s3://lab/earshot
    """
    place = place_named(url, results)
    _made_or_upgraded(place)
    if store is not None:
        attach_store(results, store)
    results.mkdir(parents=True, exist_ok=True)
    with whole_file(results / URL_FILE) as file:
        file.write(f"{place}\n".encode())
    click.echo(f"the ledger of {results} is in {place}")
    if store is not None:
        click.echo(f"its files travel through {store}")


def _made_or_upgraded(place: Place) -> None:
    """Whoever may only use the tables attaches to those that are there."""
    if may_upgrade(place):
        _bring_up(place)
    Ledger.at(place).close()


def _bring_up(place: Place) -> int:
    """The schema before. With the tables of the tickets by which workers are woken: they may not make any."""
    before = bring_up(place)
    if not place.file:
        with Ledger.at(place) as ledger:
            prepare(ledger)
    return before


@click.command()
@click.argument("url", required=False)
@results_option
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL, for whoever applies it by hand; change nothing.")
def upgrade(url: str | None, as_sql: bool, results: Path) -> None:
    """Bring the tables of a ledger in a PostgreSQL to what this Earshot reads, or make them.

    URL: of the database that --results is attached to where none is given. By the user whom the tables belong to, or a
    member of that role; all or nothing, and of two that do it at once one waits. A SQLite file is upgraded when it is
    opened.

    \b
    earshot ledger upgrade --results berlin
    earshot ledger upgrade 'postgresql://admin@db.lab/earshot' --sql > upgrade.sql
    """
    place = place_named(url, results) if url else place_of(results / "ledger.db")
    if as_sql:
        click.echo(upgrade_sql(place), nl=False)
        return
    before = _bring_up(place)
    if before == SCHEMA:
        click.echo(f"the ledger {place} has schema {SCHEMA}: nothing to do")
    else:
        click.echo(f"the ledger {place} went from {f'schema {before}' if before else 'nothing'} to schema {SCHEMA}")
        click.echo("roles: `earshot ledger roles` gives them their rights on what is new", err=True)


@click.command()
@click.argument("source")
@click.argument("target")
@results_option
@json_option
def migrate(source: str, target: str, results: Path, as_json: bool) -> None:
    """Copy the whole ledger SOURCE into the empty TARGET; each is sqlite:FILE or a PostgreSQL's URL.

    All rows in one transaction, counted on both sides. SOURCE stays as it is. Then attach the results folder.

    \b
    earshot ledger migrate sqlite:earshot-results/ledger.db 'postgresql://?service=earshot'
    mv earshot-results/ledger.db earshot-results/ledger-before.db
    earshot ledger attach 'postgresql://?service=earshot'
    """
    with (
        Ledger.at(place_named(source, results), create=False) as old,
        Ledger.at(place_named(target, results)) as new,
    ):
        counts = copy(old, new, lambda table, rows: click.echo(f"{table}: {rows}", err=True))
    if as_json:
        print_json({"rows": counts})
    else:
        print_table(["table", "rows>"], [[table, str(rows)] for table, rows in counts.items()])
