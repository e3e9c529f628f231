"""``earshot ledger roles``: who may do what with a ledger in a PostgreSQL."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.roles import Roles, give_roles, roles_sql

_MAY = (
    ("owns the tables: upgrades, roles, compact", "whoever looks after the ledger"),
    ("reads all; adds; changes or deletes no session", "workers, submitters, everybody who measures"),
    ("reads all", "reports, dashboards, whoever only looks"),
)


@click.command()
@results_option
@json_option
@click.option("--prefix", default="earshot", show_default=True, help="How the names of the roles begin: server-wide.")
@click.option("--alone", is_flag=True, help="The database is the ledger's alone: nobody without a role may connect.")
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL, for whoever applies it by hand; change nothing.")
def roles(prefix: str, alone: bool, as_sql: bool, results: Path, as_json: bool) -> None:
    """Make the group roles admin, worker and viewer, each with exactly the rights that it needs.

    For a results folder that is attached to a PostgreSQL, by the user whom its tables belong to and who may make roles.
    The tables become the admin role's. Run it again after an upgrade. Nobody logs in as a group role: give it to those
    who do.

    \b
    earshot ledger roles --results berlin
    earshot ledger roles --results berlin --sql > roles.sql
    psql -c 'GRANT earshot_worker TO berlin'
    """
    named = Roles.named(prefix)
    with Ledger.open(results / "ledger.db", create=False) as book:
        given = (roles_sql if as_sql else give_roles)(book, named, alone=alone)
    if as_json:
        print_json({"roles": list(named), "sql": given})
    elif as_sql:
        click.echo("".join(f"{statement};\n" for statement in ("BEGIN", *given, "COMMIT")), nl=False)
    else:
        print_table(["role", "may", "for"], [[role, *may] for role, may in zip(named, _MAY, strict=True)])
        click.echo(
            f"give one to a user that logs in: CREATE ROLE berlin LOGIN; GRANT {named.worker} TO berlin;", err=True
        )
