"""As whom commands run over ADB, and where: the shell user in /data/local/tmp, or an app's user in its own home."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import BadInput
from orchestrator.measure.transports.base import shell_line

# The only folder that the shell user of every Android can write to and run programs from; its own home is /.
SHELL_HOME = "/data/local/tmp"
# Termux's layout and what its own login sets (termux-app, TermuxShellEnvironment); another app has its data folder.
_TERMUX = (
    "d=/data/data/{package}/files; if [ -d $d/home ]; then "
    "export HOME=$d/home PREFIX=$d/usr TMPDIR=$d/usr/tmp PATH=$d/usr/bin:$PATH; "
    "l=$PREFIX/lib/libtermux-exec.so; [ ! -e $l ] || export LD_PRELOAD=$l; "
    "else export HOME=/data/data/{package}; fi; "
)
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+")


@dataclass(frozen=True)
class AdbAccount:
    """``run_as``: an Android package whose build is debuggable; None: adbd's own user."""

    run_as: str | None = None

    def __post_init__(self) -> None:
        if self.run_as is not None and not _PACKAGE.fullmatch(self.run_as):
            raise BadInput(f"run_as must be the name of an Android package, got {self.run_as!r}")

    def line(self, argv: Sequence[str]) -> str:
        """For adbd's shell: say the process id, go home, and become the command."""
        # adbd leaves umask 0 to its commands: all that they make could be written by every app.
        return self._as_user(f"echo $$; umask 022; {self._home()}cd && exec {shell_line(argv)}")

    def kill_line(self, pid: int) -> str:
        """Ends the command with this process id and all that it started: adbd gives each a session of its own."""
        return self._as_user(f"kill -9 -{pid}")

    def _home(self) -> str:
        if self.run_as is None:
            return f"export HOME={SHELL_HOME}; "
        return _TERMUX.format(package=self.run_as)

    def _as_user(self, script: str) -> str:
        return script if self.run_as is None else "exec " + shell_line(["run-as", self.run_as, "sh", "-c", script])
