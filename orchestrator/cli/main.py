"""The ``earshot`` command: verbs are imported when they are used, so that --help answers at once."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

# verb -> (module:attribute, the line that --help shows). The line is repeated here so that --help imports nothing.
VERBS = {
    "tune": ("orchestrator.cli.tune:tune", "Find, verify and bundle the configuration that wins on a device."),
    "run": ("orchestrator.cli.run:run", "Run one streaming session of one configuration and show its figures."),
    "select": (
        "orchestrator.cli.select:select",
        "Decide anew from the ledger, with other constraints.",
    ),
    "report": ("orchestrator.cli.report:report", "Write the HTML report of a study from the ledger."),
    "models": ("orchestrator.cli.models:models", "List, show, import and export models."),
    "devices": ("orchestrator.cli.devices:devices", "List, probe and clean the devices of the lab."),
    "ledger": ("orchestrator.cli.ledger:ledger", "Look into the ledger: studies, sessions, percentiles."),
}


class LazyGroup(click.Group):
    """A group whose verbs live in modules that are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: earshot tune kws   (about 5 minutes, this machine as the device)",
)
@click.version_option(package_name="earshot", prog_name="earshot")
def cli() -> None:
    """Push a streaming speech model to every device of a lab, measure it as a listener meets it, and ship the
    configuration that wins."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command and exits: 0 done, 1-9 by the kind of error (orchestrator/errors.py), 130 interrupted."""
    from orchestrator.errors import EarshotError

    try:
        cli.main(args=list(argv) if argv is not None else None, prog_name="earshot", standalone_mode=False)
    except EarshotError as exc:
        click.secho(f"error: {exc.message}", err=True, fg="red")
        if exc.hint:
            click.echo(f"next:  {exc.hint}", err=True)
        sys.exit(exc.exit_code)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted: what was measured is in the ledger; the same command goes on from there", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our stdout has gone (`earshot ... | head`): nothing is wrong, and nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
