"""A whole emulated machine: Debian's own kernel for 64-bit ARM under qemu-system, its root in memory, sshd on it.

Where qemu-user emulates programs on this machine's kernel, here the kernel is the device's too.
"""

import gzip
import itertools
import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.measure.standin.aarch64_root import PACKAGES, SUITE, USER, USER_ID, build_root, download, unpack
from orchestrator.measure.transports.ssh_config import SshTarget
from tests.hosts import require_program

CPU = "cortex-a72"
MEMORY_MIB, CORES = 2048, 2
BOOT_TIMEOUT_S = 600.0
KERNEL = "linux-image-cloud-arm64"
# In the order in which each needs those before it; what the kernel has built in is not among its files.
MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci", "failover", "net_failover", "virtio_net")
# What slirp, qemu's network of its own, gives its guest (QEMU documentation, network emulation).
ADDRESS, GATEWAY = "10.0.2.15/24", "10.0.2.2"
INIT = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/sshd; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
for module in $(cat /modules/order); do insmod /modules/$module; done
ip link set lo up; ip address add {ADDRESS} dev eth0; ip link set eth0 up; ip route add default via {GATEWAY}
exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config_machine
"""
SSHD_CONFIG = """HostKey /etc/ssh/host_key
AuthorizedKeysFile .ssh/authorized_keys
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PidFile none
"""


class Machine:
    """Runs from ``boot`` to its end. ``folder`` holds its keys, its memory file system and what its console said."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self._cache = folder, cache
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])

    @property
    def target(self) -> SshTarget:
        return SshTarget(
            host="machine",
            address="127.0.0.1",
            port=self._port,
            user=USER,
            identity_files=(self.folder / "user_key",),
            known_hosts=(self.folder / "known_hosts",),
            identities_only=True,
        )

    @property
    def console(self) -> str:
        return (self.folder / "console").read_text(errors="replace")

    @contextmanager
    def boot(self) -> Iterator[None]:
        qemu = require_program("qemu-system-aarch64")
        self.folder.mkdir(parents=True)
        kernel, initrd = self._files()
        network = f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        argv = [
            qemu,
            "-M",
            "virt",
            "-cpu",
            CPU,
            "-smp",
            str(CORES),
            "-m",
            str(MEMORY_MIB),
            "-accel",
            "tcg,thread=multi",
        ]
        argv += ["-nographic", "-nodefaults", "-serial", f"file:{self.folder / 'console'}", "-no-reboot"]
        argv += [
            "-kernel",
            str(kernel),
            "-initrd",
            str(initrd),
            "-append",
            "console=ttyAMA0 quiet panic=-1 rdinit=/init",
        ]
        argv += ["-netdev", network, "-device", "virtio-net-pci,netdev=n0,romfile=", "-device", "virtio-rng-pci"]
        with (self.folder / "qemu.log").open("wb") as log:
            running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._await_ssh(running)
            yield
        finally:
            running.kill()
            running.wait()

    def _await_ssh(self, running: "subprocess.Popen[bytes]") -> None:
        give_up_s = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < give_up_s and running.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=5) as opened:
                    opened.settimeout(10)
                    if opened.recv(64).startswith(b"SSH-"):
                        return
            except OSError:
                pass
            time.sleep(0.5)
        raise RuntimeError(f"the machine did not boot: {self.console[-2000:]}{(self.folder / 'qemu.log').read_text()}")

    def _files(self) -> tuple[Path, Path]:
        """The kernel, and the initial file system: the root, then what is its own. The kernel joins the two."""
        kernel, modules = kernel_files(self._cache)
        root = build_root(self._cache, packages=(*PACKAGES, "iproute2", "kmod", "mount"))
        base = self._cache / f"{root.name}.cpio.gz"
        if not base.exists():
            part = base.with_suffix(".part")
            with gzip.open(part, "wb", compresslevel=1) as file:
                file.writelines(cpio(tree(root)))
            part.replace(base)
        initrd = self.folder / "initrd"
        with initrd.open("wb") as whole, base.open("rb") as first:
            shutil.copyfileobj(first, whole)
            # An archive begins at a multiple of four bytes (kernel, initramfs buffer format).
            whole.write(bytes(-whole.tell() % 4))
            whole.writelines(cpio(self._own(modules)))
        return kernel, initrd

    def _own(self, modules: list[Path]) -> "Iterator[Entry]":
        keys = {}
        for name in ("host_key", "user_key"):
            path = self.folder / name
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
            keys[name] = path.with_suffix(".pub").read_bytes()
        (self.folder / "known_hosts").write_bytes(f"[127.0.0.1]:{self._port} ".encode() + keys["host_key"])
        yield "init", stat.S_IFREG | 0o755, 0, INIT.encode()
        yield "etc/ssh/sshd_config_machine", stat.S_IFREG | 0o644, 0, SSHD_CONFIG.encode()
        yield "etc/ssh/host_key", stat.S_IFREG | 0o600, 0, (self.folder / "host_key").read_bytes()
        yield f"home/{USER}/.ssh/authorized_keys", stat.S_IFREG | 0o600, USER_ID, keys["user_key"]
        yield "modules", stat.S_IFDIR | 0o755, 0, b""
        for module in modules:
            yield f"modules/{module.name}", stat.S_IFREG | 0o644, 0, module.read_bytes()
        yield "modules/order", stat.S_IFREG | 0o644, 0, "\n".join(m.name for m in modules).encode()


def kernel_files(cache: Path) -> tuple[Path, list[Path]]:
    """Debian's kernel, unpacked once, and those of MODULES that it has as files."""
    folder = cache / f"{SUITE}-{KERNEL}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        archives = [a for a in download(part / "apt", SUITE, [KERNEL]) if a.name.startswith("linux-image-")]
        unpack(archives, part / "root")
        (part / "root").rename(folder)
        shutil.rmtree(part)
    (kernel,) = (folder / "boot").glob("vmlinuz-*")
    found = {path.name: path for path in (folder / "usr/lib/modules").rglob("*.ko")}
    return kernel, [found[f"{name}.ko"] for name in MODULES if f"{name}.ko" in found]


# Name below the root, mode with type, owner, content (of a link its target).
Entry = tuple[str, int, int, bytes]


def tree(root: Path) -> Iterator[Entry]:
    """Everything below ``root``, each folder before what lies in it."""
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            path = Path(folder) / name
            about = path.lstat()
            inside = str(path.relative_to(root))
            owner = USER_ID if inside.startswith(f"home/{USER}") else 0
            if stat.S_ISLNK(about.st_mode):
                yield inside, about.st_mode, owner, str(path.readlink()).encode()
            elif stat.S_ISREG(about.st_mode):
                yield inside, about.st_mode, owner, path.read_bytes()
            elif stat.S_ISDIR(about.st_mode):
                yield inside, about.st_mode, owner, b""


def cpio(entries: Iterable[Entry]) -> Iterator[bytes]:
    """An archive in the "newc" format (kernel documentation, initramfs buffer format)."""
    end: Entry = ("TRAILER!!!", 0, 0, b"")
    for number, (name, mode, owner, data) in enumerate(itertools.chain(entries, [end]), 1):
        encoded = name.encode() + b"\0"
        fields = [number, mode, owner, owner, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        yield head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
