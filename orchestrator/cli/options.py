"""Options that several verbs have, so that they are spelt and explained once."""

from pathlib import Path

import click

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("earshot-results"),
    show_default=True,
    help="Folder of ledger.db, report.html, models/, artifacts/ and bundles/.",
)
lab_option = click.option("--lab", type=click.Path(path_type=Path), help="Inventory of devices (lab.toml).")
device_option = click.option(
    "--device", default="local", show_default=True, help="A device of the lab; local is this machine."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on stdout instead of a table; progress stays on stderr."
)
