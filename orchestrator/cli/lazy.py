"""Groups whose verbs live in modules that are imported on first use, so that --help answers at once."""

import importlib
from collections.abc import Mapping

import click

# verb -> (module:attribute, the line that --help shows)
Verbs = Mapping[str, tuple[str, str]]


def lazy_group(verbs: Verbs) -> type[click.Group]:
    """A kind of group with these verbs, in their order."""

    class LazyGroup(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return list(verbs)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in verbs:
                return None
            module, _, attribute = verbs[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(name, line) for name, (_, line) in verbs.items()])

    return LazyGroup
