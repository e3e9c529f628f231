"""Options that several verbs have, so that they are spelt and explained once."""

import re
from pathlib import Path
from typing import Any

import click

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType[float]):
    """A length of time, such as 90s, 30m, 2h or 1d; in s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no length of time: write it as 90s, 30m, 2h or 1d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Share(click.ParamType[float]):
    """A part of a whole, as 1% or 0.01."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", str(value))
        if found is None:
            self.fail(f"{value!r} is no share: write it as 1% or 0.01", param, ctx)
        return float(found[1]) / (100.0 if found[2] else 1.0)


results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("earshot-results"),
    show_default=True,
    help="Folder of ledger.db, report.html, models/, artifacts/ and bundles/.",
)
lab_option = click.option("--lab", type=click.Path(path_type=Path), help="Inventory of devices (lab.toml).")
quiet_device_option = click.option(
    "--quiet-device",
    is_flag=True,
    help="Make the changes that `earshot devices doctor` shows (governor, doze, ...) for the time of this run.",
)
environment_option = click.option(
    "--environment", help="Python environment of the device, as `earshot devices setup` made it; default by default."
)
device_option = click.option(
    "--device",
    default="local",
    show_default=True,
    help="A device of the lab, or any:TAG: the first free one with that tag. local is this machine.",
)
wait_option = click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    default="0s",
    help="Wait so long (90s, 30m, 2h) for a device that somebody else has; otherwise that is an error.",
)
session_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="[RUNTIME:]NAME=VALUE",
    help="Option of sessions, such as allow_spinning=0, or of the provider, such as ep.precision=FP16; onnxruntime's "
    "unless another runtime is named. docs/reference/providers.md has them.",
)
user_words_option = click.option(
    "--user-words",
    type=click.Path(path_type=Path),
    help="A user's own words beside the model's list, where it has one: CSV, word,count.",
)
deadline_option = click.option(
    "--deadline-ms", type=float, help="A paced chunk that takes longer is a miss; its own duration by default."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON on stdout instead of a table; progress stays on stderr."
)
