"""``earshot ledger attach | migrate``: where a ledger is."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.migrate import migrate as copy
from orchestrator.ledger.place import URL_FILE, place_named
from orchestrator.measure.transports.base import whole_file


@click.command()
@click.argument("url")
@results_option
def attach(url: str, results: Path) -> None:
    """Keep the ledger of a results folder in the PostgreSQL at URL from now on.

    Makes the tables where the database is empty, and writes the URL into ledger.url in the results folder. A password
    is given by reference: a password file of mode 600, or a service of pg_service.conf.

    \b
    earshot ledger attach 'postgresql://earshot@db.lab/earshot?passfile=/home/me/.pgpass'
    earshot ledger attach 'postgresql://?service=earshot' --results berlin
    """
    place = place_named(url, results)
    Ledger.at(place).close()
    results.mkdir(parents=True, exist_ok=True)
    with whole_file(results / URL_FILE) as file:
        file.write(f"{place}\n".encode())
    click.echo(f"the ledger of {results} is in {place}")


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
