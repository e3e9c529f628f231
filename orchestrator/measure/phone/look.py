"""What is known of a phone before it is set up: from its adb shell, and from inside Termux where a way leads there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from agents.doctor import android
from agents.doctor.facts import AndroidFacts
from orchestrator.errors import BadInput, DeviceError
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.transports.base import Transport, tail

TERMUX_PORT = 8022
PROGRAMS = ("sshd", "python3", "proot-distro", "termux-wake-lock")
_HAS_KEY = 'grep -qxF "$1" "$HOME/.ssh/authorized_keys"'


@dataclass(frozen=True)
class PhoneWays:
    """Open ways: the adb shell, and into Termux (its sshd, or run-as); ``no_shell`` and ``no_termux`` say why not."""

    shell: Transport | None = None
    termux: Transport | None = None
    no_shell: str = ""
    no_termux: str = ""


@dataclass(frozen=True)
class PhoneFacts:
    """None: not known, and ``absent`` says why by the name of a check. ``programs`` of ``PROGRAMS`` are in Termux."""

    android: AndroidFacts | None = None
    app_installed: bool | None = None
    programs: frozenset[str] | None = None
    key_known: bool | None = None
    absent: dict[str, str] = field(default_factory=dict)


@contextmanager
def ways(device: Device) -> Iterator[PhoneWays]:
    """What can be opened now; a phone that is not set up has no sshd yet. Raises BadInput for what is no phone."""
    cable = device if device.transport == "adb" else device.via
    is_adb = cable is not None and cable.transport == "adb"
    if not is_adb and not (device.transport == "ssh" and device.port == TERMUX_PORT):
        raise BadInput(
            f"{device.name} is no phone: it is reached by {device.transport}, and not through adb or Termux's sshd",
            hint='a phone has transport = "adb", or "ssh" with port = 8022 (and jump = the adb device, for a cable)',
        )
    with ExitStack() as stack:
        shell, no_shell = None, "there is no adb device in its way: connect a cable, or turn on wireless debugging"
        if cable is not None and is_adb:
            shell, no_shell = _opened(stack, replace(cable, run_as=None))
        termux, no_termux = None, "adb cannot enter Termux: its sshd can be reached once it is set up"
        if device.transport == "ssh" or device.run_as is not None:
            termux, no_termux = _opened(stack, device)
        yield PhoneWays(shell, termux, no_shell, no_termux)


def _opened(stack: ExitStack, device: Device) -> tuple[Transport | None, str]:
    try:
        return stack.enter_context(open_transport(device)), ""
    except DeviceError as exc:
        return None, exc.message


def look(found: PhoneWays, public_key: str | None) -> PhoneFacts:
    """Raises Unreachable where a way that was open is lost."""
    absent = dict.fromkeys(android.CHECKS, found.no_shell) if found.shell is None else {}
    facts = PhoneFacts(absent=absent)
    if found.shell is not None:
        facts = _through_shell(found.shell, facts)
    if found.termux is not None:
        facts = _inside(found.termux, facts, public_key)
    return facts


def _through_shell(shell: Transport, facts: PhoneFacts) -> PhoneFacts:
    ask = asker(shell)
    release = android.parse_release(ask(("getprop", "ro.build.version.release")))
    known = None if release is None else android.read(ask, release, facts.absent)
    installed = shell.exec(["pm", "path", android.TERMUX])
    # pm itself fails with 1 for a package that is not there, and says nothing.
    unsure = installed.exit_code not in (0, 1) or bool(installed.stderr.strip())
    return replace(facts, android=known, app_installed=None if unsure else installed.ok)


def asker(shell: Transport) -> android.Ask:
    """Commands of the phone through its adb shell, as ``agents.doctor.android`` asks them."""

    def ask(argv: tuple[str, ...]) -> str:
        try:
            done = shell.exec(argv)
        except DeviceError as exc:
            raise OSError(exc.message) from exc
        if not done.ok:
            raise OSError(tail(done.stderr) or tail(done.stdout) or f"exit code {done.exit_code}")
        return done.stdout.decode("utf-8", "replace")

    return ask


def _inside(termux: Transport, facts: PhoneFacts, public_key: str | None) -> PhoneFacts:
    there = {name for name in PROGRAMS if termux.exec(["sh", "-c", 'command -v "$1"', "sh", name]).ok}
    known = None if public_key is None else termux.exec(["sh", "-c", _HAS_KEY, "sh", public_key]).ok
    return replace(facts, app_installed=True, programs=frozenset(there), key_known=known)
