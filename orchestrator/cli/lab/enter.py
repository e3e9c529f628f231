"""``earshot lab exec`` and ``shell``"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from orchestrator.cli.lab.options import folder_option
from orchestrator.errors import BadInput


@click.command("exec", context_settings={"ignore_unknown_options": True})
@folder_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(folder: Path, command: tuple[str, ...]) -> None:
    """Run COMMAND where the stand-ins can be reached. As root that is anywhere; a lab of an ordinary user has a network
    of its own.

    \b
    earshot lab exec -- earshot run kws --lab earshot-lab/lab.toml --devices all
    """
    _become(folder, command)


@click.command()
@folder_option
def shell(folder: Path) -> None:
    """Open $SHELL where the stand-ins can be reached."""
    click.echo(f"lab file: {folder / 'lab.toml'}; exit leaves, and the lab stays up", err=True)
    _become(folder, [os.environ.get("SHELL", "/bin/sh")])


def _become(folder: Path, command: Sequence[str]) -> NoReturn:
    from orchestrator.measure.standin import control
    from orchestrator.measure.standin.holding import holder

    known = holder(folder)
    control.ask(folder, "status")
    entering: list[str] = []
    if known.own_network and not _is_there(known.pid):
        entering = ["nsenter", f"--target={known.pid}", "--user", "--net", "--preserve-credentials", "--"]
    argv = [*entering, *command]
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)
    except OSError as exc:
        raise BadInput(f"cannot run {argv[0]}: {exc.strerror}") from exc


def _is_there(pid: int) -> bool:
    """Whether this process lives in the same network namespace."""
    return Path("/proc/self/ns/net").readlink() == Path(f"/proc/{pid}/ns/net").readlink()
