"""Where an SSH host is and how to log in there: the lab's settings over the user's ``~/.ssh/config``."""

import getpass
import glob
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.transports.paramiko_alone import paramiko

DEFAULT_PORT = 22
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
# A block that matches no host.
NEVER = "Host !*"
# Enough for any real chain; a config whose hosts jump through each other must end.
MAX_HOPS = 8


@dataclass(frozen=True)
class SshTarget:
    """One host, fully resolved. ``host`` is what the user wrote, ``address`` what is dialled.

    ``known_hosts`` are read in order, and the first one is where a new key belongs. ``identities_only``: offer no
    keys of the SSH agent. ``jump`` is the way there, first hop first. ``dial`` gives what is a socket to a port
    there, where the first hop is not reached by the network.
    """

    host: str
    address: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    known_hosts: tuple[Path, ...]
    identities_only: bool = False
    host_key_alias: str | None = None
    proxy_command: str | None = None
    jump: tuple["SshTarget", ...] = ()
    dial: Callable[[int], socket.socket] | None = None

    @property
    def place(self) -> str:
        """For messages: the name, and the address where it differs."""
        address = self.address if self.port == DEFAULT_PORT else f"{self.address}:{self.port}"
        return address if self.host == self.address else f"{self.host} ({address})"


@dataclass(frozen=True)
class SshSettings:
    """What the lab file says about a host; None leaves it to ``~/.ssh/config``. ``jump`` as ProxyJump writes it."""

    host: str
    user: str | None = None
    port: int | None = None
    identity_file: Path | None = None
    known_hosts: Path | None = None
    jump: str | None = None


def resolve(settings: SshSettings, *, via: SshTarget | None = None, config_path: Path | None = None) -> SshTarget:
    """Settings first, then ``~/.ssh/config``, then OpenSSH's defaults. ``via``: a resolved jump host, instead of
    ``settings.jump``. Host keys are always checked, whatever StrictHostKeyChecking says. Raises BadInput.
    """
    return _resolve(settings, via, load_config(config_path), MAX_HOPS)


def _resolve(settings: SshSettings, via: SshTarget | None, config: paramiko.SSHConfig, hops_left: int) -> SshTarget:
    if hops_left == 0:
        raise BadInput(
            f"more than {MAX_HOPS} jump hosts on the way to {settings.host}: does a ProxyJump go in circles?"
        )
    try:
        found = config.lookup(settings.host)
        port = settings.port or int(found.get("port", DEFAULT_PORT))
    except (paramiko.ConfigParseError, paramiko.CouldNotCanonicalize, ValueError) as exc:
        raise BadInput(f"cannot use the SSH configuration for {settings.host}: {exc}") from exc
    jump_text = settings.jump or found.get("proxyjump") or "none"
    jump = (*via.jump, via) if via else _jumps(jump_text, settings, config, hops_left)
    return SshTarget(
        host=settings.host,
        address=str(found["hostname"]),
        port=port,
        user=settings.user or str(found.get("user") or getpass.getuser()),
        identity_files=_identities(settings, found),
        known_hosts=_known_hosts(settings, found),
        identities_only=found.get("identitiesonly") == "yes",
        host_key_alias=found.get("hostkeyalias"),
        proxy_command=None if jump else found.get("proxycommand"),
        jump=jump,
    )


def _jumps(text: str, settings: SshSettings, config: paramiko.SSHConfig, hops_left: int) -> tuple[SshTarget, ...]:
    if text == "none":
        return ()
    way: tuple[SshTarget, ...] = ()
    for hop_text in text.split(","):
        hop = parse_hop(hop_text.strip(), settings)
        target = _resolve(hop, way[-1] if way else None, config, hops_left - 1)
        way = (*target.jump, target)
    return way


def parse_hop(text: str, settings: SshSettings) -> SshSettings:
    """``[user@]host[:port]``, with the lab's own known hosts. Raises BadInput."""
    match = re.fullmatch(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:@\[\]]+))(?::(?P<port>\d+))?", text)
    if match is None:
        raise BadInput(f"jump host must be [user@]host[:port], got {text!r}")
    port = int(match["port"]) if match["port"] else None
    return SshSettings(match["v6"] or match["host"], match["user"], port, known_hosts=settings.known_hosts)


def _identities(settings: SshSettings, found: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    named = ([settings.identity_file] if settings.identity_file else []) + [
        Path(p) for p in found.get("identityfile", [])
    ]
    if not named:
        named = [p for name in DEFAULT_IDENTITIES if (p := Path.home() / ".ssh" / name).exists()]
    return tuple(dict.fromkeys(p.expanduser() for p in named))


def _known_hosts(settings: SshSettings, found: paramiko.SSHConfigDict) -> tuple[Path, ...]:
    own = [settings.known_hosts] if settings.known_hosts else []
    users = [Path(p) for p in str(found.get("userknownhostsfile", "~/.ssh/known_hosts")).split()]
    return tuple(p.expanduser() for p in (*own, *users, Path("/etc/ssh/ssh_known_hosts")))


def load_config(path: Path | None = None) -> paramiko.SSHConfig:
    """The user's SSH configuration with its Include lines followed; empty where there is none. Raises BadInput.

    Blocks under ``Match ... exec`` are passed over: only a ProxyCommand of the configuration is ever run.
    """
    path = path or Path.home() / ".ssh" / "config"
    try:
        return paramiko.SSHConfig.from_text("\n".join(_lines(path, depth=0)))
    except (paramiko.ConfigParseError, OSError, ValueError) as exc:
        raise BadInput(f"cannot read {path}: {exc}") from exc


def _lines(path: Path, depth: int) -> list[str]:
    # paramiko does not know Include; OpenSSH allows 16 levels and takes names relative to ~/.ssh.
    if depth > 16 or not path.exists():
        return []
    lines: list[str] = []
    for written in path.read_text().splitlines():
        line = NEVER if re.match(r"\s*match\s.*\bexec\b", written, re.IGNORECASE) else written
        match = re.match(r"\s*include[\s=]+(.+)", line, re.IGNORECASE)
        if match is None:
            lines.append(line)
            continue
        for pattern in match[1].split():
            full = Path.home() / ".ssh" / Path(pattern.strip('"')).expanduser()
            for name in sorted(glob.glob(str(full))):  # noqa: PTH207 - the pattern may be absolute
                lines += _lines(Path(name), depth + 1)
    return lines
