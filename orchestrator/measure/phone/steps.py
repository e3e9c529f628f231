"""The steps of a phone's set-up, each with its state, and the doing of those that can be done from here."""

import shlex
from dataclasses import dataclass

from agents.doctor.android import DEFAULT_PHANTOM_LIMIT, FIRST_WITH_PHANTOM_LIMIT, PHANTOM_SETTING, TERMUX
from orchestrator.errors import CommandFailed
from orchestrator.measure.lab.device import Device
from orchestrator.measure.phone.look import TERMUX_PORT, PhoneFacts, PhoneWays
from orchestrator.measure.transports.base import tail

BY_HAND, IN_TERMUX, ADB_SHELL, LAB_FILE = "phone", "termux", "adb-shell", "lab.toml"
DONE, NEEDED, UNKNOWN = "done", "needed", "unknown"
_PACKAGES_TIMEOUT_S = 600.0
_ADD_KEY = 'umask 077 && mkdir -p "$HOME/.ssh" && printf "%s\\n" "$1" >> "$HOME/.ssh/authorized_keys"'
_NO_KEY = "set identity_file of this device in lab.toml, so that its public half can be shown here"


@dataclass(frozen=True)
class PhoneStep:
    """``commands``: argv each, typed in Termux or run by the adb shell. ``text``: what a person does or writes.

    ``state``: done, needed, or unknown with the ``reason``. ``undo``: the argv that takes it back, where there is one.
    """

    what: str
    why: str
    where: str
    state: str
    commands: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    reason: str = ""
    undo: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """Lines to be typed, in order."""
        prefix = "adb shell " if self.where == ADB_SHELL else ""
        return (self.text,) if self.text else tuple(prefix + shlex.join(argv) for argv in self.commands)


def phone_steps(device: Device, facts: PhoneFacts, public_key: str | None) -> tuple[PhoneStep, ...]:
    """All steps in their order, also those that are done."""
    return (
        _app(facts),
        _packages(facts),
        _key(facts, public_key),
        _sshd(device, facts),
        *_android(facts),
        _lab_file(device),
    )


def perform(step: PhoneStep, ways: PhoneWays) -> str | None:
    """Do a step. Why it was not done, None where it was. Raises Unreachable."""
    transport = {ADB_SHELL: ways.shell, IN_TERMUX: ways.termux}.get(step.where)
    if transport is None or not step.commands:
        return {ADB_SHELL: ways.no_shell, IN_TERMUX: ways.no_termux}.get(step.where, "") or "only its owner can do it"
    for argv in step.commands:
        try:
            done = transport.exec(argv, timeout_s=_PACKAGES_TIMEOUT_S)
        except CommandFailed as exc:
            return exc.message
        if not done.ok:
            return tail(done.stderr) or tail(done.stdout) or f"exit code {done.exit_code}"
    return None


def _app(facts: PhoneFacts) -> PhoneStep:
    text = "install Termux from https://f-droid.org/packages/com.termux (the one of Google Play is another), open it"
    return PhoneStep("Termux", "Python and an SSH server without root", BY_HAND, _state(facts.app_installed), text=text)


def _packages(facts: PhoneFacts) -> PhoneStep:
    ready = None if facts.programs is None else {"sshd", "python3", "proot-distro"} <= facts.programs
    commands = (("pkg", "update", "-y"), ("pkg", "install", "-y", "openssh", "python", "proot-distro"))
    why = "sshd to get in, Python for the agent, proot-distro for wheels that need glibc"
    return PhoneStep("packages", why, IN_TERMUX, _state(ready), commands)


def _key(facts: PhoneFacts, public_key: str | None) -> PhoneStep:
    if public_key is None:
        return PhoneStep("your key", "Termux's sshd lets in who has it", IN_TERMUX, UNKNOWN, reason=_NO_KEY)
    command = ("sh", "-c", _ADD_KEY, "sh", public_key)
    return PhoneStep("your key", "Termux's sshd lets in who has it", IN_TERMUX, _state(facts.key_known), (command,))


def _sshd(device: Device, facts: PhoneFacts) -> PhoneStep:
    why = f"listens on port {TERMUX_PORT} until Termux ends; again after each restart of the phone"
    # What was seen of Termux over SSH was seen through it.
    state = DONE if device.transport == "ssh" and facts.programs is not None else NEEDED
    command = ("sh", "-c", "pgrep -x sshd > /dev/null || sshd")
    return PhoneStep("sshd", why, IN_TERMUX, state, (command,), undo=("pkill", "sshd"))


def _android(facts: PhoneFacts) -> tuple[PhoneStep, ...]:
    absent, known = facts.absent, facts.android
    exempt = ("dumpsys", "deviceidle", "whitelist")
    steps = [
        PhoneStep(
            "wake lock",
            "without it the CPU sleeps with the screen, in the middle of a session",
            IN_TERMUX,
            _state(known.wake_lock if known else None),
            (("termux-wake-lock",),),
            reason=absent.get("wake-lock", ""),
            undo=("termux-wake-unlock",),
        ),
        PhoneStep(
            "battery exemption",
            "Android stops an app that it optimizes, whenever it likes",
            ADB_SHELL,
            _state(known.exempt if known else None),
            ((*exempt, f"+{TERMUX}"),),
            reason=absent.get("battery-exemption", ""),
            undo=(*exempt, f"-{TERMUX}"),
        ),
    ]
    if known is None or known.release >= FIRST_WITH_PHANTOM_LIMIT:
        steps.append(_phantom(facts))
    return tuple(steps)


def _phantom(facts: PhoneFacts) -> PhoneStep:
    known = facts.android
    free = None if known is None or known.phantom_monitor is None else not known.phantom_monitor
    return PhoneStep(
        "phantom process limit",
        f"Android kills children of apps beyond {DEFAULT_PHANTOM_LIMIT}, of all apps together: sessions end by SIGKILL",
        ADB_SHELL,
        _state(free),
        (("settings", "put", "global", PHANTOM_SETTING, "false"),),
        reason=facts.absent.get("phantom-processes", ""),
        undo=("settings", "delete", "global", PHANTOM_SETTING),
    )


def _lab_file(device: Device) -> PhoneStep:
    if device.transport == "ssh":
        return PhoneStep("lab file", "how Earshot gets in", LAB_FILE, DONE)
    text = (
        f"[devices.{device.name}-termux]\n"
        'transport = "ssh"\n'
        'host = "127.0.0.1"\n'
        f"port = {TERMUX_PORT}\n"
        f'jump = "{device.name}"\n'
        'identity_file = "~/.ssh/id_ed25519"'
    )
    state = DONE if device.run_as else NEEDED
    return PhoneStep("lab file", "Termux's sshd through the adb stream: no network needed", LAB_FILE, state, text=text)


def _state(done: bool | None) -> str:
    return UNKNOWN if done is None else DONE if done else NEEDED
