"""What starts a night by itself: a service and a timer for systemd, or a line for cron. Absolute paths only."""

import os
import re
import shlex
import sys
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.tell.report.page import write_page
from orchestrator.workflows.night_settings import NightSettings

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def night_units(settings: NightSettings, start: str) -> dict[str, str]:
    """Texts by file name. ``start`` is HH:MM, UTC. Raises BadInput."""
    hour, minute = _time(start)
    name = f"earshot-{settings.plan.stem.lower()}"
    return {
        f"{name}.service": _service(settings),
        f"{name}.timer": _timer(settings, f"{hour:02d}:{minute:02d}"),
    }


def cron_line(settings: NightSettings, start: str) -> str:
    """For `crontab -e`. Raises BadInput."""
    hour, minute = _time(start)
    # In a crontab a % ends the line, also within quotes.
    command = shlex.join(_argv(settings)).replace("%", "\\%")
    return (
        "# cron reads these two numbers as minute and hour in the time zone of this machine, not in UTC;\n"
        f"# a night goes from noon to noon UTC.\n{minute} {hour} * * * {command}\n"
    )


def write_units(folder: Path, units: dict[str, str]) -> None:
    """Each as a whole or not at all. Raises OSError."""
    for name, text in units.items():
        write_page(folder / name, text)


def _time(text: str) -> tuple[int, int]:
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadInput(f"--start must be HH:MM (UTC), got {text!r}")
    return int(found[1]), int(found[2])


def _service(settings: NightSettings) -> str:
    command = " ".join(_quoted(word) for word in _argv(settings))
    return f"""\
[Unit]
Description=Earshot night {settings.plan.stem.replace("%", "%%")}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# Exit code 9: the night has an alert. 10: something is missing or late.
ExecStart={command}
WorkingDirectory={str(Path.cwd()).replace("%", "%%")}
# As Ctrl-C: devices are given back, and the next start goes on.
KillSignal=SIGINT
TimeoutStartSec=infinity
TimeoutStopSec=120
"""


def _timer(settings: NightSettings, start: str) -> str:
    return f"""\
[Unit]
Description=Earshot night {settings.plan.stem.replace("%", "%%")}, every night

[Timer]
OnCalendar=*-*-* {start}:00 UTC
# Where the machine was off at that time: as soon as it is on.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _argv(settings: NightSettings) -> list[str]:
    words = [*_earshot(), "nightly", str(settings.plan.resolve())]
    words += ["--lab", str(settings.lab.resolve())] if settings.lab else []
    return [*words, "--results", str(settings.results.resolve())]


def _earshot() -> list[str]:
    """The command beside the Python that runs now, or that Python."""
    command = Path(sys.executable).parent / "earshot"
    return [str(command)] if os.access(command, os.X_OK) else [sys.executable, "-m", "orchestrator.cli"]


def _quoted(word: str) -> str:
    """As systemd.service(5) reads a command line: quotes and backslashes escaped, % and $ doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if re.search(r"[\s'\"\\;]", word) else escaped
