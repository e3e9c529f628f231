"""An authenticated SSH connection, jump hosts included; the border where paramiko's errors become ours."""

import contextlib
import errno
import logging
import os
import socket
import subprocess
from collections.abc import Iterator
from typing import cast

from orchestrator.errors import EarshotError, LoginRefused, Unreachable
from orchestrator.measure.transports.base import shell_line
from orchestrator.measure.transports.paramiko_alone import paramiko
from orchestrator.measure.transports.ssh_config import SshTarget
from orchestrator.measure.transports.ssh_keys import check_host_key, known_keys, user_keys

CONNECT_TIMEOUT_S = 10.0
# A partition is noticed after this long with unanswered bytes; shorter ones heal. paramiko itself would wait for ever.
LINK_TIMEOUT_S = 10.0
PROBE_IDLE_S, PROBE_INTERVAL_S, PROBE_COUNT = 5, 2, 3
# AES-GCM needs no separate MAC and has instructions on both sides: 223 against 152 MB/s with paramiko's own choice.
FIRST_CIPHER = "aes128-gcm@openssh.com"

CHECK_LINK = "check cable, power and network, then try again"

# paramiko logs what it also raises; without a handler Python would print it.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _PromptSocket(socket.socket):
    """Acknowledges at once: sshd leaves Nagle on, and a delayed ACK costs 40 ms before the first command."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        with contextlib.suppress(OSError):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().recv(size, flags)


class _CommandSocket(socket.socket):
    """The stdin and stdout of a ProxyCommand, which is a shell's line by definition (ssh_config(5)).

    paramiko's own leaves pipes open and the process unreaped.
    """

    def __init__(self, command: str) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(fileno=ours.detach())
        with theirs:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def close(self) -> None:
        super().close()
        self._process.terminate()
        self._process.wait()


def connect(target: SshTarget) -> list[paramiko.Transport]:
    """Log in at each hop of the way and at the target, which comes last. Close them in reverse order.

    Raises Unreachable, HostKeyRefused or LoginRefused, naming the hop.
    """
    way: list[paramiko.Transport] = []
    try:
        for hop in (*target.jump, target):
            with mapped(hop.place):
                way.append(_log_in(hop, _dial(hop, way[-1] if way else None)))
    except BaseException:
        close_all(way)
        raise
    return way


def close_all(way: list[paramiko.Transport]) -> None:
    for transport in reversed(way):
        transport.close()


def _dial(target: SshTarget, through: paramiko.Transport | None) -> socket.socket:
    """A socket, or what paramiko takes for one, to the target's port."""
    if through is not None:
        try:
            channel = through.open_channel(
                "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT_S
            )
        except paramiko.ChannelException as exc:
            raise Unreachable(f"the jump host cannot reach {target.place}: {exc.text}") from exc
        return cast(socket.socket, channel)
    if target.dial:
        return target.dial(target.port)
    if target.proxy_command:
        return _CommandSocket(target.proxy_command)
    return _dial_tcp(target)


def _dial_tcp(target: SshTarget) -> socket.socket:
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(target.address, target.port, type=socket.SOCK_STREAM):
        sock = _PromptSocket(family, kind, protocol)
        try:
            sock.settimeout(CONNECT_TIMEOUT_S)
            _set_options(sock)
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failure = exc
        else:
            return sock
    raise failure or OSError(errno.EADDRNOTAVAIL, "no address")


def _set_options(sock: socket.socket) -> None:
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, int(LINK_TIMEOUT_S * 1000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, PROBE_IDLE_S)
    sock.setsockopt(tcp, socket.TCP_KEEPINTVL, PROBE_INTERVAL_S)
    sock.setsockopt(tcp, socket.TCP_KEEPCNT, PROBE_COUNT)


def _log_in(target: SshTarget, sock: socket.socket) -> paramiko.Transport:
    transport = paramiko.Transport(sock)
    try:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = CONNECT_TIMEOUT_S
        options = transport.get_security_options()
        options.ciphers = [FIRST_CIPHER, *(c for c in options.ciphers if c != FIRST_CIPHER)]
        known = known_keys(target)
        # Ask for the kind of key that we know, or a second key of the same host would look like a changed one.
        ours = [t for k in known if not k.revoked for t in _algorithms(k.key)]
        options.key_types = list(dict.fromkeys([*(t for t in ours if t in options.key_types), *options.key_types]))
        transport.start_client(timeout=CONNECT_TIMEOUT_S)
        if not transport.initial_kex_done:  # It returns in silence when its time is over.
            raise TimeoutError
        check_host_key(target, transport.get_remote_server_key(), known)
        _authenticate(transport, target)
    except BaseException:
        transport.close()
        sock.close()
        raise
    return transport


def _algorithms(key: paramiko.PKey) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if key.get_name() == "ssh-rsa" else (key.get_name(),)


def _authenticate(transport: paramiko.Transport, target: SshTarget) -> None:
    agent = paramiko.Agent() if "SSH_AUTH_SOCK" in os.environ else None
    offered = []
    try:
        for label, key in user_keys(target, agent):
            offered.append(label)
            if key is None:
                continue
            try:
                if not transport.auth_publickey(target.user, key):
                    return
            except paramiko.BadAuthenticationType as exc:
                raise LoginRefused(
                    f"{target.place} takes no keys, only {', '.join(exc.allowed_types)}",
                    hint="allow PubkeyAuthentication in the device's sshd_config",
                ) from exc
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    break
    finally:
        if agent:
            agent.close()
    raise _login_refused(target, offered)


def _login_refused(target: SshTarget, offered: list[str]) -> LoginRefused:
    shown = ", ".join(offered) or "no key: none was found"
    copy_id = shell_line(["ssh-copy-id", "-p", str(target.port), f"{target.user}@{target.address}"])
    where = "into ~/.ssh/authorized_keys there" if target.dial else f"there with: {copy_id}"
    return LoginRefused(
        f"{target.place} refused user {target.user} with {shown}",
        hint=f"put your public key {where}; name the key by identity_file in lab.toml or ssh-add it",
    )


@contextlib.contextmanager
def mapped(place: str) -> Iterator[None]:
    """Whatever the network or paramiko raises, as one of ours."""
    try:
        yield
    except EarshotError:
        raise
    except Exception as exc:
        reason = _reason(exc)
        if reason is None:
            raise
        raise Unreachable(f"{place}: {reason[0]}", hint=reason[1]) from exc


def _reason(exc: Exception) -> tuple[str, str] | None:
    """(what happened, what to do) for an error of the link; None for a mistake of our own."""
    if isinstance(exc, socket.gaierror):
        return "no such host name", "check host in lab.toml, or the HostName in ~/.ssh/config"
    if isinstance(exc, ConnectionRefusedError):
        return "connection refused", "is sshd running there, and is the port right?"
    if isinstance(exc, TimeoutError):
        return "no answer in time", CHECK_LINK
    if isinstance(exc, EOFError | ConnectionError):
        return "the link was lost", CHECK_LINK
    if isinstance(exc, OSError):
        return (exc.strerror or str(exc) or "the link was lost").lower(), CHECK_LINK
    if isinstance(exc, paramiko.SSHException):
        return f"SSH failed: {exc}", "is that port an SSH server's? if it worked before, try again"
    return None
