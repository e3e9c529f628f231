"""The process that holds a lab of stand-ins, and what others need to know of it."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents import strict_json
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin import control
from orchestrator.measure.standin.lab import LAB_FILE, StandInLab
from orchestrator.measure.standin.namespaces import command, has_root
from orchestrator.measure.standin.network import Quality
from orchestrator.measure.transports.base import whole_file

STATE = "lab.json"
DOWN_TIMEOUT_S = 30.0
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Holder:
    """``pid`` of the process; ``own_network``: it lives in a user and a network namespace of its own."""

    pid: int
    own_network: bool
    kinds: tuple[str, ...]


def hold(
    folder: Path,
    kinds: Iterable[str],
    quality: Quality | None,
    *,
    say: Callable[[str], None],
    ready: Callable[[StandInLab], None],
) -> None:
    """A lab from now until ``earshot lab down``, Ctrl-C, SIGTERM or a closed terminal. Nothing of it is left then.

    Raises DeviceNotReady.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _ended_by_signals(), contextlib.closing(control.Server(folder)) as server:
        if not has_root():
            command(["ip", "link", "set", "lo", "up"])
        wanted = tuple(kinds)
        remove_leftovers(folder)  # Of one whose process was killed.
        _write(folder, Holder(os.getpid(), not has_root(), wanted))
        try:
            with StandInLab(folder, quality=quality, say=say) as lab, _undisturbed_end():
                lab.up(wanted)
                ready(lab)
                server.serve(_verbs(lab, server))
        except KeyboardInterrupt:
            pass
        finally:
            remove_leftovers(folder)


def holder(folder: Path) -> Holder:
    """Who holds the lab of this folder. Raises DeviceNotReady where nobody does."""
    try:
        return strict_json.from_json(Holder, json.loads((folder / STATE).read_text()), STATE)
    except (OSError, ValueError) as exc:
        raise DeviceNotReady(f"no lab is up in {folder}", hint="earshot lab up starts one") from exc


def take_down(folder: Path) -> None:
    """Ends the lab, also one whose process hangs or has died. Raises DeviceNotReady where there is none."""
    known = holder(folder)
    with contextlib.suppress(DeviceNotReady):
        control.ask(folder, "down")
    give_up_s = time.monotonic() + DOWN_TIMEOUT_S
    while (lock := control.taken(folder)) is None:
        if time.monotonic() > give_up_s:
            os.kill(known.pid, signal.SIGKILL)  # It has the lock, so it lives and is that process.
        time.sleep(0.05)
    with lock:
        remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """What a lab had put there, and nothing else."""
    try:
        kinds = holder(folder).kinds
    except DeviceNotReady:
        return
    for kind in kinds:
        if (folder / kind).exists():
            shutil.rmtree(folder / kind, onerror=_open_and_retry)
    for name in (LAB_FILE, control.SOCKET, STATE):
        (folder / name).unlink(missing_ok=True)


def _open_and_retry(function: Callable[..., Any], path: str, error: Any) -> None:
    # An overlay's work folder has no permissions at all.
    with contextlib.suppress(OSError):
        Path(path).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, known: Holder) -> None:
    with whole_file(folder / STATE) as file:
        file.write(json.dumps(asdict(known)).encode())


def _verbs(lab: StandInLab, server: control.Server) -> control.Verbs:
    return {
        "status": lab.status,
        "cut": lambda name: lab.standin(name).link.cut(),
        "restore": lambda name: lab.standin(name).link.restore(),
        "link": lambda name, **quality: lab.standin(name).link.set_quality(Quality(**quality)),
        "reboot": lambda name: lab.standin(name).reboot(),
        "power": lambda name, on: lab.standin(name).machine.start() if on else lab.standin(name).machine.power_off(),
        "sensor": lab.set_sensor,
        "down": server.stop.set,
    }


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _undisturbed_end() -> Iterator[None]:
    """A second Ctrl-C does not interrupt the tidying up after the first one."""
    try:
        yield
    finally:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
