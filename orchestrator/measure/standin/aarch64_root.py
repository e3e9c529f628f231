"""A Debian root for 64-bit ARM with the oldest Python that the agent supports: unpacked, never booted, never emulated.

Packages come through this machine's own apt (its mirror, its proxy), checked against Debian's archive keys; no
maintainer script runs, so it takes seconds and no rights.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import DeviceNotReady

# Debian 11 has Python 3.9, which the agent's promise begins with.
SUITE = "bullseye"
ARCHITECTURE = "arm64"
# No pip, no venv, no ensurepip: as bare as a board can be that has Python. libstdc++ is what every runtime links to.
PACKAGES = ("python3", "openssh-server", "libstdc++6", "bash", "dash", "coreutils", "grep", "sed", "mawk", "procps")
USER, USER_ID = "pi", 1000
APT_TIMEOUT_S = 600.0
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ADDRESS = re.compile(r"\w+://\S+")
_UNREAD = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*")
_FOLDERS = ("dev", "proc", "sys", "tmp", "run/sshd", "root", f"home/{USER}/.ssh", "etc/ssh", "var/log", "var/tmp")
_MODEL = "Earshot emulated aarch64 board"
_FILES = {
    "etc/passwd": (
        f"root:x:0:0:root:/root:/bin/bash\n{USER}:x:{USER_ID}:{USER_ID}:,,,:/home/{USER}:/bin/bash\n"
        "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
    ),
    "etc/group": f"root:x:0:\ntty:x:5:\n{USER}:x:{USER_ID}:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/hostname": "aarch64\n",
    # A device tree cannot be laid into /proc of a container; the agent reads this one first.
    "sys/firmware/devicetree/base/model": _MODEL,
    "sys/firmware/devicetree/base/compatible": "earshot,emulated-aarch64",
}


def build_root(cache: Path, suite: str = SUITE, packages: Sequence[str] = PACKAGES) -> Path:
    """The unpacked root below ``cache``; built once for these packages, and never seen half-built.

    Raises DeviceNotReady where this machine's apt has no Debian mirror, or the mirror no such packages.
    """
    recipe = [suite, ARCHITECTURE, *packages, *_UNREAD, *_FOLDERS, *map(str, sorted(_FILES.items()))]
    root = cache / f"{suite}-{ARCHITECTURE}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with one_builder(cache / f"{root.name}.lock"):
        if not root.exists():
            _build(root, suite, packages)
    return root


@contextmanager
def one_builder(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(root: Path, suite: str, packages: Sequence[str]) -> None:
    part = root.with_name(f".{root.name}.{secrets.token_hex(4)}.part")
    try:
        archives = download(part / "apt", suite, packages)
        unpack(archives, part / "root")
        _furnish(part / "root")
        (part / "root").rename(root)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def download(apt: Path, suite: str, packages: Sequence[str], architecture: str = ARCHITECTURE) -> list[Path]:
    """The .deb files of ``packages`` and of all that they need, by an apt whose whole state lies in ``apt``.

    apt checks each of them against the archive's signed index. Raises DeviceNotReady.
    """
    for folder in ("etc/apt/preferences.d", "lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_debian_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": apt / "etc/apt/preferences.d",
        "Dir::State::status": apt / "status",
        "Dir::State::extended_states": apt / "extended_states",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt,
        "Dir::Cache::archives": apt / "archives",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    _run(["apt-get", "-qq", *options, "update"], f"cannot read Debian {suite}'s index for {architecture}")
    wanted = ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
    _run(["apt-get", "-qq", *options, *wanted], f"cannot get Debian {suite}'s packages for {architecture}")
    return sorted((apt / "archives").glob("*.deb"))


def _debian_mirror() -> str:
    """The repository that this machine's own Debian comes from, which carries the other architectures too."""
    codename = _codename()
    what = ["$(REPO_URI)", "$(RELEASE)"]
    listed = _run(
        ["apt-get", "indextargets", "--format", " ".join(what), "Created-By: Packages", "Component: main"],
        "cannot ask apt for its sources",
    )
    for line in listed.splitlines():
        uri, _, release = line.partition(" ")
        if release == codename:
            return uri
    raise DeviceNotReady(
        f"apt of this machine has no source for Debian {codename or '(this is not Debian)'}, main",
        hint="the emulated aarch64 board is unpacked from Debian's packages: run it on Debian",
    )


def _codename() -> str:
    """Of this machine's Debian, such as ``bookworm``; empty on anything else."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return ""
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    return said.get("VERSION_CODENAME", "").strip('"') if said.get("ID", "").strip('"') == "debian" else ""


def unpack(archives: Iterable[Path], root: Path) -> None:
    """Each package's files, in a root with /bin, /sbin and /lib below /usr as Debian has them since 10."""
    for folder in ("bin", "sbin", "lib"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    tar = ["tar", "-C", str(root), "-x", "--no-same-owner", "--keep-directory-symlink"]
    tar += [f"--exclude={pattern}" for pattern in _UNREAD]
    for archive in archives:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as opened:
            assert opened.stdout
            done = subprocess.run(tar, stdin=opened.stdout, capture_output=True, text=True, timeout=APT_TIMEOUT_S)
        if done.returncode or opened.returncode:
            raise DeviceNotReady(f"cannot unpack {archive.name}: {done.stderr.strip()}", hint="is the disk full?")


def _furnish(root: Path) -> None:
    """What the packages' scripts and a first boot would have made."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for link, target in {"usr/bin/sh": "dash", "usr/bin/awk": "mawk"}.items():
        if not (root / link).is_symlink():
            (root / link).symlink_to(target)
    # Whoever unpacked it owns it all; a later clean-up must be able to enter each folder.
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(Path(folder).stat().st_mode | 0o700)


def _run(argv: Sequence[str], what: str) -> str:
    """stdout. Raises DeviceNotReady with the last line that the command wrote, without the mirror's name."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=APT_TIMEOUT_S, stdin=subprocess.DEVNULL)
    except FileNotFoundError as exc:
        raise DeviceNotReady(f"{what}: {argv[0]} is not installed", hint="run it on Debian") from exc
    except subprocess.TimeoutExpired as exc:
        raise DeviceNotReady(f"{what}: {argv[0]} did not end within {APT_TIMEOUT_S:g} s") from exc
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()[-1]
        raise DeviceNotReady(
            f"{what}: {_ADDRESS.sub('the mirror', last)}",
            hint="is its mirror reachable, and does it still carry that release?",
        )
    return done.stdout
