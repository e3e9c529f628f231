"""The nouns of the doctor: a finding, and the change that fixes it with the change back."""

import shlex
from dataclasses import dataclass, replace

HARM, WARN, INFO, OK, UNKNOWN = "harm", "warn", "info", "ok", "unknown"
SEVERITIES = (HARM, WARN, UNKNOWN, INFO, OK)

DEVICE, ADB_SHELL = "device", "adb-shell"


@dataclass(frozen=True)
class Change:
    """A command, and the one that undoes it. ``stdin`` and ``undo_stdin`` go to them as they are.

    ``path``: the file that is written, where it is one; it is changed back only while it still holds ``stdin``.
    ``needs_root``: not for everyone; ``undo_as_user``: but its undo is. ``through`` adb-shell: not for an app, so not
    for Termux either.
    """

    argv: tuple[str, ...]
    undo_argv: tuple[str, ...]
    stdin: str = ""
    undo_stdin: str = ""
    path: str | None = None
    needs_root: bool = False
    undo_as_user: bool = False
    through: str = DEVICE

    def __post_init__(self) -> None:
        if not self.argv or not self.undo_argv:
            raise ValueError(f"a change needs a command and the one that undoes it, got {self.argv}, {self.undo_argv}")
        if self.through not in (DEVICE, ADB_SHELL):
            raise ValueError(f"through must be {DEVICE} or {ADB_SHELL}, got {self.through!r}")

    @property
    def shown(self) -> str:
        """As a person would type it."""
        return command_line(self.argv, self.stdin, needs_root=self.needs_root, through=self.through)

    @property
    def undo_shown(self) -> str:
        return self.undo.shown

    @property
    def undo(self) -> "Change":
        """The way back as a change."""
        needs_root = self.needs_root and not self.undo_as_user
        return replace(
            self,
            argv=self.undo_argv,
            undo_argv=self.argv,
            stdin=self.undo_stdin,
            undo_stdin=self.stdin,
            needs_root=needs_root,
            undo_as_user=False,
        )


@dataclass(frozen=True)
class Finding:
    """One check. ``seen`` is what was read, or why it could not be; ``why`` what that does to a measurement.

    ``fix`` is done by ``--fix`` and undone afterwards; ``advice`` are commands or words for a person, because nobody
    else can decide it.
    """

    check: str
    severity: str
    seen: str
    why: str = ""
    fix: tuple[Change, ...] = ()
    advice: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}, got {self.severity!r}")


def file_change(path: str, value: str, before: str) -> Change:
    """Root writes ``value`` into a file of /sys that holds ``before`` now."""
    return Change(("tee", path), ("tee", path), value, before, path=path, needs_root=True)


def command_line(argv: tuple[str, ...], stdin: str, *, needs_root: bool, through: str) -> str:
    line = shlex.join(argv)
    if through == ADB_SHELL:
        return f"adb shell {line}"
    if needs_root:
        line = f"sudo {line}"
    return f"echo {shlex.quote(stdin)} | {line}" if stdin else line


def unknown(check: str, reason: str) -> Finding:
    """Never ok: what could not be read may be anything."""
    return Finding(check, UNKNOWN, reason)
