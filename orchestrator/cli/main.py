"""The ``earshot`` command: verbs are imported when they are used, so that --help answers at once."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from orchestrator.cli.lazy import lazy_group

# verb -> (module:attribute, the line that --help shows). The line is repeated here so that --help imports nothing.
VERBS = {
    "tune": ("orchestrator.cli.tune:tune", "Find, verify and bundle the configuration that wins on a device."),
    "run": ("orchestrator.cli.run:run", "Run one streaming session of one configuration and show its figures."),
    "cascade": (
        "orchestrator.cli.cascade:cascade",
        "Measure models in a row: speech gate, recognizer, language model.",
    ),
    "native": ("orchestrator.cli.native:native", "Run a vendor's benchmark tool on a device without Python."),
    "select": (
        "orchestrator.cli.select:select",
        "Decide anew from the ledger, with other constraints.",
    ),
    "compare": (
        "orchestrator.cli.compare:compare",
        "Compare two candidates over runs, or say why that cannot be done.",
    ),
    "calibrate": ("orchestrator.cli.calibrate:calibrate", "Measure a device's noise: what it can tell apart at all."),
    "regressions": (
        "orchestrator.cli.regressions:regressions",
        "Judge a night: what became slower or worse, since when, and why.",
    ),
    "bisect": ("orchestrator.cli.bisect:bisect", "Find which commit, exporter or runtime a regression came with."),
    "nightly": ("orchestrator.cli.nightly:nightly", "Measure a plan of models and devices tonight, and judge it."),
    "drift": ("orchestrator.cli.drift:drift", "Does an artifact's state wander from fp32 in a long stream?"),
    "recommend": (
        "orchestrator.cli.recommend:recommend",
        "Predict what would win on a device never measured, and which to measure next.",
    ),
    "simulate": ("orchestrator.cli.simulate:simulate_", "Try a search strategy on recorded runs, with no device."),
    "farm": ("orchestrator.cli.farm:farm", "Try how large a farm may become: a night of twins, with no device."),
    "report": ("orchestrator.cli.report:report", "Write the HTML report of a study from the ledger."),
    "bundle": ("orchestrator.cli.bundle:bundle", "Look into a bundle: what an app ships."),
    "models": ("orchestrator.cli.models:models", "List, show, import and export models."),
    "devices": ("orchestrator.cli.devices:devices", "List, probe and clean the devices of the lab."),
    "lab": ("orchestrator.cli.lab:lab", "Try Earshot with no device: stand-ins on this machine."),
    "power": ("orchestrator.cli.power:power", "Calibrate power sensors against a better meter."),
    "telemetry": ("orchestrator.cli.telemetry:telemetry", "Tell Prometheus what happened, and how the farm is doing."),
    "dashboards": (
        "orchestrator.cli.dashboards:dashboards",
        "Dashboards and alerts for Grafana and Prometheus: build, check, push.",
    ),
    "worker": ("orchestrator.cli.worker:worker", "Serve the devices of a site of the farm."),
    "submit": ("orchestrator.cli.submit:submit", "Put work into the farm's queue."),
    "queue": ("orchestrator.cli.queue:queue", "Show the farm's orders, workers and devices."),
    "cancel": ("orchestrator.cli.cancel:cancel", "Take orders or jobs back."),
    "ledger": ("orchestrator.cli.ledger:ledger", "Look into the ledger: studies, sessions, percentiles."),
}
GROUPS = (
    "bundle",
    "models",
    "cascade",
    "devices",
    "lab",
    "power",
    "telemetry",
    "dashboards",
    "submit",
    "ledger",
    "native",
    "farm",
)


@click.group(
    cls=lazy_group(VERBS),
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: earshot tune kws   (about 5 minutes, this machine as the device)",
)
@click.version_option(package_name="earshot", prog_name="earshot")
def cli() -> None:
    """Push a streaming speech model to every device of a lab, measure it as a listener meets it, and ship the
    configuration that wins."""


# What an interrupted verb leaves, where it is one that takes its time.
_GOES_ON = ": what was measured is in the ledger; the same command goes on from there"
_INTERRUPTED = {
    **dict.fromkeys(("tune", "run", "cascade", "compare", "calibrate", "models", "nightly", "bisect"), _GOES_ON),
    "submit": ": what was submitted goes on; earshot queue shows it",
    "drift": ": a drift is kept when it is whole, so nothing of it is; the same command begins anew",
}

# Faults of the disk below a command, which no change of the command can be to blame for. Any other OSError is a bug.
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command and exits: 0 done, 1-8 by the kind of error (orchestrator/errors.py), 130 interrupted.

    What is not expected keeps its traceback: it is a bug, to be seen and reported.
    """
    from orchestrator.errors import BadInput, EarshotError

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        # click hands the code back with which a verb ended on purpose.
        if code := cli.main(args=words, prog_name="earshot", standalone_mode=False):
            sys.exit(code)
    except EarshotError as exc:
        _refuse(exc.message, exc.hint or (_see(_command(words)) if isinstance(exc, BadInput) else None), exc.exit_code)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        if _only_shows_help(exc):
            exc.show()
            sys.exit(exc.exit_code)
        context = getattr(exc, "ctx", None)
        _refuse(exc.format_message(), _see(context.command_path if context else "earshot"), exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"\ninterrupted{_INTERRUPTED.get(words[0] if words else '', '')}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our stdout has gone (`earshot ... | head`): nothing is wrong, and nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as exc:
        if exc.errno not in _DISK_FAULTS:
            raise
        what = f"{exc.strerror}: {exc.filename}" if exc.filename else str(exc.strerror)
        _refuse(
            f"the disk of this machine failed: {what}", "make room or choose another --results, then run it again", 1
        )


def _refuse(message: str, hint: str | None, exit_code: int) -> NoReturn:
    click.secho(f"error: {message}", err=True, fg="red")
    if hint:
        click.echo(f"next:  {hint}", err=True)
    sys.exit(exit_code)


def _see(command: str) -> str:
    return f"{command} --help shows what it takes"


def _command(words: Sequence[str]) -> str:
    """The command that ran, without its arguments."""
    return " ".join(["earshot", *words[: 2 if words[0] in GROUPS else 1]])


def _only_shows_help(exc: click.ClickException) -> bool:
    """A group without a verb; click raises its help as an error since 8.2."""
    return isinstance(exc, getattr(click.exceptions, "NoArgsIsHelpError", ()))
