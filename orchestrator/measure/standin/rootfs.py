"""What a stand-in's root is made of: mounts, files, a user, daemons. Data only; init.py and host.py act on it."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

ETC_OF_HOST = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "protocols", "services")


@dataclass(frozen=True)
class Mount:
    """``kind``: ``bind`` (``source`` is a path of the controller), ``disk`` (``source`` is a path of the device's own
    disk), or a filesystem such as tmpfs with ``options``.
    """

    target: str
    source: str = ""
    kind: str = "bind"
    options: str = ""
    read_only: bool = False
    noexec: bool = False

    def __post_init__(self) -> None:
        if not self.target.startswith("/") or (self.kind in ("bind", "disk")) != bool(self.source):
            raise ValueError(f"a mount needs an absolute target, and a source where it is a bind, got {self}")


@dataclass(frozen=True)
class File:
    """A file of the device's disk. ``link_to`` makes it a symbolic link instead."""

    text: str = ""
    mode: int = 0o644
    owned_by_user: bool = False
    link_to: str | None = None


@dataclass(frozen=True)
class User:
    """Who logs in. ``uid`` 0 is a device whose only user is root."""

    name: str
    uid: int = 1000
    home: str = ""
    login_shell: str = "/bin/sh"

    @property
    def folder(self) -> str:
        return self.home or f"/home/{self.name}"


PI = User("pi", login_shell="/bin/bash")
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'


@dataclass(frozen=True)
class Daemon:
    """``argv[0]`` is a path on the device. Where the controller has no root it runs as ``as_uid``, or as the device's
    user, unless not ``as_user``.

    ``program``: its executable on the device, where that is not ``argv[0]`` (a script, or a loader before it).
    """

    argv: tuple[str, ...]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    as_user: bool = True
    as_uid: int | None = None
    program: str | None = None


@dataclass(frozen=True)
class Root:
    """A device's root. ``folders``: paths -> mode, made on its disk for the user who logs in."""

    mounts: tuple[Mount, ...] = ()
    files: dict[str, File] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Root") -> "Root":
        """Both; where they disagree the second one counts."""
        mounts = {mount.target: mount for mount in (*self.mounts, *other.mounts)}
        return Root(tuple(mounts.values()), self.files | other.files, self.folders | other.folders)


def gnu_userland() -> Root:
    """This machine's programs and libraries, read-only: /usr and what leads into it."""
    return Root((Mount("/usr", "/usr", read_only=True), *_host_etc())) + _top_folders(
        "bin", "sbin", "lib", "lib64", "lib32"
    )


def programs(scripts: dict[str, File]) -> Root:
    """Programs of the device's own by name, in its PATH (/usr itself is only read)."""
    folder = "/opt/bin"
    mount = Mount("/usr/local/bin", folder, kind="disk")
    return Root((mount,), {f"{folder}/{name}": file for name, file in scripts.items()})


def libraries_only() -> Root:
    """This machine's libraries and no program: for a device that brings its own."""
    folders = [f"/usr/{name}" for name in ("lib", "lib64", "lib32") if Path(f"/usr/{name}").is_dir()]
    mounts = [Mount(folder, folder, read_only=True) for folder in folders]
    return Root((*mounts, *_host_etc())) + _top_folders("lib", "lib64", "lib32")


def _top_folders(*names: str) -> Root:
    """/bin and its like: links into /usr on most systems, folders of their own on others."""
    links = {f"/{n}": File(link_to=str(Path(f"/{n}").readlink())) for n in names if Path(f"/{n}").is_symlink()}
    own = [f"/{name}" for name in names if Path(f"/{name}").is_dir() and f"/{name}" not in links]
    return Root(tuple(Mount(folder, folder, read_only=True) for folder in own), links)


def _host_etc() -> tuple[Mount, ...]:
    found = [f"/etc/{name}" for name in ETC_OF_HOST if Path(f"/etc/{name}").exists()]
    return tuple(Mount(path, path, read_only=True) for path in found)


def controller_python() -> Root:
    """The interpreter that runs this, with its packages, read-only and at the same path as here."""
    prefixes = sorted(
        {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)} | {sys.prefix, sys.base_prefix}
    )
    mounts = [Mount(prefix, prefix, read_only=True) for prefix in prefixes if prefix != "/usr"]
    if "/usr" in prefixes:
        program = os.path.realpath(sys.executable)
        mounts.append(Mount(program, program, read_only=True))
    return Root(tuple(mounts))


def machine(name: str, user: User, os_release: str) -> Root:
    """/etc, the home and the other folders of any device."""
    passwd = [
        "root:x:0:0:root:/root:/bin/sh",
        "sshd:x:74:65534::/run/sshd:/bin/false",
        "nobody:x:65534:65534::/:/bin/false",
    ]
    group = ["root:x:0:", "nogroup:x:65534:"]
    if user.uid:
        passwd.append(f"{user.name}:x:{user.uid}:{user.uid}::{user.folder}:{user.login_shell}")
        group.append(f"{user.name}:x:{user.uid}:")
    files = {
        "/etc/passwd": File("\n".join(passwd) + "\n"),
        "/etc/group": File("\n".join(group) + "\n"),
        "/etc/shadow": File("".join(f"{line.split(':')[0]}:*:19000:0:99999:7:::\n" for line in passwd), mode=0o600),
        "/etc/hosts": File(f"127.0.0.1 localhost\n127.0.1.1 {name}\n"),
        "/etc/hostname": File(f"{name}\n"),
        "/etc/nsswitch.conf": File("passwd: files\ngroup: files\nshadow: files\nhosts: files\n"),
        "/etc/os-release": File(os_release),
        "/etc/shells": File("/bin/sh\n/bin/bash\n"),
    }
    folders = {user.folder: 0o755, "/root": 0o755, "/var": 0o755, "/var/tmp": 0o1777, "/opt": 0o755, "/mnt": 0o755}
    volatile = (Mount("/run", kind="tmpfs", options="mode=755"), Mount("/tmp", kind="tmpfs", options="mode=1777"))
    return Root(volatile, files, folders)
