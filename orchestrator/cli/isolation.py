"""Options for the CPUs of a session, and for what is kept away from them."""

from typing import Any

import click

from orchestrator.domain.cluster import parse_cpus
from orchestrator.domain.isolation import NONE, STEPS, parse_steps
from orchestrator.errors import BadInput


class Cpus(click.ParamType[tuple[int, ...]]):
    """CPUs as the kernel writes them: 0,1 or 4-7."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_cpus(str(value))
        except BadInput as exc:
            self.fail(f"{exc.message}: {exc.hint}", param, ctx)


class Steps(click.ParamType[tuple[str, ...]]):
    """Steps of isolation with commas between them, or none."""

    name = "steps"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_steps(str(value).split(","))
        except BadInput as exc:
            self.fail(f"{exc.message}: {exc.hint}", param, ctx)


cluster_option = click.option(
    "--cluster", metavar="NAME", help="Hold the session to these cores: little, big or prime, as the device has them."
)
cpus_option = click.option("--cpus", type=Cpus(), metavar="LIST", help="Hold the session to these CPUs: 0,1 or 4-7.")
isolate_option = click.option(
    "--isolate",
    type=Steps(),
    metavar="STEPS",
    help=f"Keep the rest of the device away for the time of this run, and undo it: {', '.join(STEPS)}; "
    f"with commas, or {NONE}. By default what lab.toml says for the device.",
)
