"""Host keys and user keys: whom we talk to, and as whom. Nothing is accepted that was not accepted before."""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput, HostKeyRefused, LoginRefused
from orchestrator.measure.transports.base import shell_line
from orchestrator.measure.transports.paramiko_alone import paramiko
from orchestrator.measure.transports.ssh_config import DEFAULT_PORT, SshTarget


@dataclass(frozen=True)
class KnownKey:
    """A line of a known_hosts file that names the host."""

    path: Path
    line: int
    key: paramiko.PKey
    revoked: bool


def known_keys(target: SshTarget) -> list[KnownKey]:
    """What the target's known_hosts files say about it, in order. Certificates of authorities are not followed."""
    return [known for path in target.known_hosts if path.exists() for known in _read(path, known_name(target))]


def known_name(target: SshTarget) -> str:
    """The host as known_hosts writes it: alone at port 22, else ``[host]:port``."""
    name = target.host_key_alias or target.address
    return name if target.port == DEFAULT_PORT or target.host_key_alias else f"[{name}]:{target.port}"


def _read(path: Path, name: str) -> Iterator[KnownKey]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as exc:
        raise BadInput(f"cannot read the known hosts in {path}: {exc.strerror or exc}") from exc
    for number, line in enumerate(lines, 1):
        marker, _, rest = line.strip().partition(" ") if line.startswith("@") else ("", "", line.strip())
        if not rest or rest.startswith("#") or marker == "@cert-authority":
            continue
        # Before the key is decoded: a lab's file has hundreds of lines, and each connection reads it.
        if not _names(rest.split(maxsplit=1)[0].split(","), name):
            continue
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(rest, number)
        except paramiko.hostkeys.InvalidHostKey:
            continue  # OpenSSH skips such lines too.
        if entry is not None:
            yield KnownKey(path, number, entry.key, marker == "@revoked")


def _names(patterns: list[str], name: str) -> bool:
    """One of the patterns names the host and none of them excludes it."""
    hashed = [p for p in patterns if p.startswith("|1|")]
    if any(paramiko.hostkeys.HostKeys.hash_host(name, p) == p for p in hashed):
        return True
    # known_hosts brackets are literal; fnmatch would read them as a character set.
    plain = [p.replace("[", "[[]") for p in patterns if p not in hashed]
    if any(fnmatch.fnmatchcase(name, p[1:]) for p in plain if p.startswith("!")):
        return False
    return any(fnmatch.fnmatchcase(name, p) for p in plain if not p.startswith("!"))


def check_host_key(target: SshTarget, key: paramiko.PKey, known: list[KnownKey]) -> None:
    """Raises HostKeyRefused unless one of the ``known`` keys, and no revoked one, is this ``key``."""
    same = [k for k in known if k.key == key]
    revoked = next((k for k in same if k.revoked), None)
    if revoked:
        raise HostKeyRefused(
            f"host key of {target.place} was revoked: {_shown(key)}, see {revoked.path} line {revoked.line}",
            hint="somebody marked this key as stolen or replaced: ask who keeps the device",
        )
    if same:
        return
    other = next((k for k in known if not k.revoked), None)
    if other is None:
        raise _unknown(target, key)
    raise HostKeyRefused(
        f"host key of {target.place} has changed: it shows {_shown(key)}, "
        f"{other.path} line {other.line} has {_shown(other.key)}",
        hint="if the device was installed anew, forget the old key with: "
        + shell_line(["ssh-keygen", "-R", known_name(target), "-f", str(other.path)])
        + "; if not, somebody may be listening",
    )


def _unknown(target: SshTarget, key: paramiko.PKey) -> HostKeyRefused:
    file = target.known_hosts[0]
    if target.dial:
        line = f"{known_name(target)} {key.get_name()} {key.get_base64()}"
        accept = f"echo {line} >> {shell_line([str(file)])}"
    elif target.jump or target.proxy_command:
        hops = ",".join(f"{h.user}@{h.address}:{h.port}" for h in target.jump)
        way = ["-J", hops] if hops else ["-o", f"ProxyCommand={target.proxy_command}"]
        there = ["-p", str(target.port), f"{target.user}@{target.address}", "true"]
        accept = shell_line(["ssh", *way, "-o", f"UserKnownHostsFile={file}", *there])
    else:
        kind = "ecdsa" if key.get_name().startswith("ecdsa") else key.get_name().removeprefix("ssh-")
        scan = ["ssh-keyscan", "-t", kind, "-p", str(target.port), target.address]
        accept = f"{shell_line(scan)} >> {shell_line([str(file)])}"
    return HostKeyRefused(
        f"host key of {target.place} is unknown: {_shown(key)}",
        hint=f"compare it with 'ssh-keygen -lf' of /etc/ssh/ssh_host_*_key.pub on the device; to accept it: {accept}",
    )


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def user_keys(target: SshTarget, agent: paramiko.Agent | None) -> Iterator[tuple[str, paramiko.PKey | None]]:
    """(what to call it, key) in the order to offer: named files, then the SSH agent.

    A file with a passphrase is offered only by way of the agent, and is None where that does not hold it.
    Raises LoginRefused for a named file that is missing.
    """
    held = {key.asbytes(): key for key in agent.get_keys()} if agent else {}
    for path in target.identity_files:
        key = _load(path, held)
        if key is None:
            yield f"{path} (locked: ssh-add it)", None
        else:
            held.pop(key.asbytes(), None)
            yield str(path), key
    if not target.identities_only:
        for key in held.values():
            yield f"agent key {key.fingerprint}", key


def _load(path: Path, held: dict[bytes, paramiko.AgentKey]) -> paramiko.PKey | None:
    if not path.exists():
        raise LoginRefused(
            f"there is no key file {path}", hint="set identity_file in lab.toml, or make one with ssh-keygen -t ed25519"
        )
    try:
        return paramiko.PKey.from_path(path)
    except (TypeError, ValueError, paramiko.SSHException, OSError):
        # A passphrase, or a kind of key that only the agent can use (FIDO); its public half tells which one it is.
        return next((key for key in held.values() if key.get_base64() in _public_half(path)), None)


def _public_half(path: Path) -> str:
    public = path.with_name(path.name + ".pub")
    return public.read_text(errors="replace") if public.exists() else ""
