"""``earshot lab up``"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.lab.options import delay_option, folder_option, mbit_option, quality
from orchestrator.cli.lab.status import print_lab
from orchestrator.errors import BadInput, DeviceNotReady

if TYPE_CHECKING:
    from orchestrator.measure.standin.lab import StandInLab

# Set in the process that was started anew in namespaces of its own, so that it does not do so again.
INSIDE = "EARSHOT_LAB_INSIDE"
OWN_NAMESPACES = ("unshare", "--user", "--map-root-user", "--net", "--mount")
# The roots of phones and the emulated board are fetched the first time.
START_TIMEOUT_S = 900.0
LOG = "lab.log"


@click.command()
@click.option("--only", metavar="KINDS", help="With commas, such as pi5,pixel-8; all of them if left out.")
@mbit_option
@delay_option
@folder_option
@click.option("--detach", is_flag=True, help="Return once all are up; they stay until earshot lab down.")
def up(only: str | None, mbit: float | None, delay_ms: float, folder: Path, detach: bool) -> None:
    """Start stand-in devices on this machine and write the lab file to reach them with.

    \b
    pi5         Raspberry Pi 5 behind OpenSSH
    pi4         Raspberry Pi 4 behind OpenSSH
    orin-nano   Jetson Orin Nano behind dropbear, with BusyBox and nothing else
    pixel-8     phone behind adbd; SSH to Termux's sshd goes through adb
    galaxy-a15  phone behind adbd; a debuggable Termux, entered by run-as
    aarch64     a Debian for 64-bit Arm whose instructions are emulated

    It needs Linux with namespaces. As root the devices are reached from this machine; as an ordinary user the lab gets
    a network of its own, which `earshot lab exec -- COMMAND` and `earshot lab shell` enter. The first time, the roots
    of the last three are fetched from Debian's mirror (220 MB on the disk).
    """
    from orchestrator.measure.standin.catalog import KINDS

    kinds = tuple(part.strip() for part in only.split(",")) if only else tuple(KINDS)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise BadInput(f"no kind of stand-in is called {unknown[0]!r}", hint=f"there are {', '.join(KINDS)}")
    wanted = quality(mbit, delay_ms)
    folder.mkdir(parents=True, exist_ok=True)
    again = ["--folder", str(folder), "--only", ",".join(kinds), "--delay-ms", str(delay_ms)]
    again = [sys.executable, "-m", "orchestrator.cli", "lab", "up", *again, *(["--mbit", str(mbit)] if mbit else [])]
    anew = not _may_make_links() and INSIDE not in os.environ
    if anew:
        _check_namespaces()
    if detach:
        _in_background(folder, again)
        return
    if anew:
        # The same command, as the root of a user namespace with a network of its own.
        os.execvpe(OWN_NAMESPACES[0], [*OWN_NAMESPACES, *again], {**os.environ, INSIDE: "1"})
    from orchestrator.measure.standin.holding import hold

    hold(folder, kinds, wanted, say=lambda kind: click.echo(f"starting {kind}", err=True), ready=_show)
    click.echo("the lab is down", err=True)


def _may_make_links() -> bool:
    """CAP_NET_ADMIN and CAP_SYS_ADMIN (bits 12 and 21, linux/capability.h)."""
    status = Path("/proc/self/status").read_text()
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return effective >> 12 & 1 == 1 and effective >> 21 & 1 == 1


def _check_namespaces() -> None:
    """Raises DeviceNotReady, with the setting that forbids them as far as it can be seen."""
    from orchestrator.measure.standin.namespaces import command, namespace_hint

    try:
        command([*OWN_NAMESPACES, "true"])
    except DeviceNotReady as exc:
        hint = namespace_hint() or "run it as root; in a container, as one that may make namespaces (--privileged)"
        raise DeviceNotReady(f"an ordinary user cannot have a lab here: {exc.message}", hint=hint) from exc


def _in_background(folder: Path, command: Sequence[str]) -> None:
    from orchestrator.measure.standin import control
    from orchestrator.measure.standin.holding import holder

    if (lock := control.taken(folder)) is None:
        raise DeviceNotReady(f"a lab is up in {folder}", hint="earshot lab down ends it; --folder makes another one")
    lock.close()
    log = folder / LOG
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
    give_up_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_s:
        if process.poll() is not None:
            raise DeviceNotReady(f"the lab did not start: {_last_lines(log)}")
        try:
            rows = control.ask(folder, "status")
        except DeviceNotReady:
            time.sleep(0.1)
            continue
        _print(rows, folder, own_network=holder(folder).own_network)
        return
    process.terminate()
    raise DeviceNotReady(f"the lab did not start within {START_TIMEOUT_S:g} s: {_last_lines(log)}")


def _last_lines(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def _show(lab: "StandInLab") -> None:
    from orchestrator.measure.standin.namespaces import has_root

    _print(lab.status(), lab.folder, own_network=not has_root())
    click.echo("Ctrl-C ends the lab")
    sys.stdout.flush()


def _print(rows: Sequence[Mapping[str, Any]], folder: Path, *, own_network: bool) -> None:
    """What runs, and what to type next."""
    print_lab(rows)
    up = [row["name"] for row in rows if row["state"] != "missing"]
    earshot, shown = _earshot(), _short(folder)
    lab = f"--lab {shlex.quote(str(shown / 'lab.toml'))}"
    where = "" if shown == Path("earshot-lab") else f" --folder {shlex.quote(str(shown))}"
    entering = f"{earshot} lab exec{where} -- " if own_network else ""
    click.echo()
    click.echo(f"next:  {entering}{earshot} devices probe {up[0]} {lab}")
    if "aarch64" in up:  # It comes without numpy.
        click.echo(f"       {entering}{earshot} devices setup aarch64 {lab}")
    click.echo(f"       {entering}{earshot} run kws --devices all {lab}")
    click.echo(f"       {earshot} lab cut {up[0]}{where}; {earshot} lab --help shows what else breaks")
    click.echo(f"       {earshot} lab down{where}")


def _earshot() -> str:
    """This command as it can be typed here."""
    own = Path(sys.executable).with_name("earshot")
    found = shutil.which("earshot")
    return "earshot" if found and Path(found).resolve() == own.resolve() else str(_short(own))


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
