"""Termux's layout on a stand-in phone: home and prefix in the app's folder, its own sshd on port 8022.

Layout and environment: termux-app, TermuxConstants and TermuxShellEnvironment; wiki.termux.com, "Remote Access".
"""

import sys

from orchestrator.measure.standin.kinds import phone
from orchestrator.measure.standin.namespaces import program
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root, User
from orchestrator.measure.standin.sshd import Keys, key_files, sshd_lines

PACKAGE = "com.termux"
FILES = f"/data/data/{PACKAGE}/files"
HOME, PREFIX = f"{FILES}/home", f"{FILES}/usr"
PYTHON = f"{PREFIX}/bin/python"
PORT = 8022
# Commands of the phone that Termux's packages bring along under its prefix.
_COMMANDS = (
    "sh",
    "bash",
    "cat",
    "ls",
    "env",
    "sleep",
    "mkdir",
    "rm",
    "uname",
    "id",
    "head",
    "tail",
    "grep",
    "sed",
    "ps",
)
_ENVIRONMENT = {
    "HOME": HOME,
    "PREFIX": PREFIX,
    "TMPDIR": f"{PREFIX}/tmp",
    "PATH": f"{PREFIX}/bin",
    "TERMUX_VERSION": "0.118.1",
    "ANDROID_ROOT": "/system",
    "ANDROID_DATA": "/data",
}


def app_user(uid: int) -> User:
    """The user that Android gives the app, such as u0_a187."""
    return User(f"u0_a{uid - 10_000}", uid, home=HOME, login_shell=f"{PREFIX}/bin/bash")


def layout() -> Root:
    """What ``pkg install python`` leaves: Python is this machine's, under Termux's name and place."""
    files = {f"{PREFIX}/bin/{name}": File(link_to="/bin/busybox") for name in _COMMANDS}
    runs = File(f'#!/bin/sh\nexec {sys.executable} "$@"\n', mode=0o755)
    status = File(f"#!/bin/sh\n# Stand-in for termux-api.\ncat <<E\n{phone.termux_battery_status()}E\n", mode=0o755)
    # BusyBox looks at its name, and knows no bash.
    files[f"{PREFIX}/bin/bash"] = File('#!/bin/sh\nexec /bin/sh "$@"\n', mode=0o755)
    files |= {PYTHON: runs, f"{PREFIX}/bin/python3": runs, f"{PREFIX}/bin/termux-battery-status": status}
    files[f"{PREFIX}/bin/getprop"] = File(link_to="/system/bin/getprop")
    return Root(files=files, folders={FILES: 0o755, PREFIX: 0o755, f"{PREFIX}/tmp": 0o1777})


def sshd(user: User, keys: Keys) -> tuple[Root, Daemon]:
    """Termux's sshd; it only listens on the phone's own address, where adb's streams end."""
    server = program("sshd")
    environment = " ".join(f"{name}={value}" for name, value in _ENVIRONMENT.items())
    lines = ["ListenAddress 127.0.0.1", *sshd_lines(PORT), f"SetEnv {environment}"]
    files = {f"{PREFIX}/etc/ssh/sshd_config": File("\n".join(lines) + "\n"), **key_files(user, keys)}
    separation = Mount("/run/sshd", kind="tmpfs", options="mode=755,size=4k")
    mounts = (Mount(server, server, read_only=True), separation)
    daemon = Daemon((server, "-D", "-e", "-f", f"{PREFIX}/etc/ssh/sshd_config"), PORT, as_uid=user.uid)
    return Root(mounts, files), daemon
