"""Stand-in phones for tests: the genuine adbd behind a link of its own, never on a loopback, and with authorization."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.lab.adb_device import open_adb
from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.adbd import PORT, SHELL, adbd
from orchestrator.measure.standin.adbd_root import AdbdRoot, fetch_adbd
from orchestrator.measure.standin.host import Host, HostSpec
from orchestrator.measure.standin.namespaces import has_root
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.rootfs import Daemon, Mount, Root, User, controller_python, gnu_userland
from orchestrator.measure.transports.adb import AdbTransport
from orchestrator.measure.transports.adb_keys import load_key, make_key
from tests.hosts import require_program


@dataclass(frozen=True)
class Phone:
    """``device``: how the lab reaches it. ``folder`` is the test's own, on this machine."""

    host: Host
    link: Link
    folder: Path
    device: Device

    def open(self) -> AdbTransport:
        return open_adb(self.device)

    def runs(self, command: str) -> bool:
        return command in self.host.processes().values()


@pytest.fixture(scope="session")
def adbd_root() -> AdbdRoot:
    """Shared by all test processes and kept for the next run: it takes five seconds and a download."""
    for program in ("ip", "tc", "unshare", "nsenter", "dpkg-deb"):
        require_program(program)
    if not has_root():
        pytest.skip("needs root: the tests dial from this machine's own network namespace")
    try:
        return fetch_adbd(Path(tempfile.gettempdir()) / f"earshot-test-roots-{os.getuid()}")
    except DeviceNotReady as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no adbd here: {exc.message}")


@pytest.fixture(scope="session")
def adb_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key that every phone of these tests knows."""
    path = tmp_path_factory.mktemp("adb") / "adbkey"
    make_key(path)
    return path


MakePhone = Callable[..., Phone]


def build_phone(
    tree: AdbdRoot,
    key: Path,
    folder: Path,
    *,
    authorized: bool = True,
    debuggable: tuple[str, ...] = (),
    user: User = SHELL,
    shared: Path | None = None,
    more: tuple[Root, dict[str, Daemon]] = (Root(), {}),
    disk_mib: int = 512,
) -> Phone:
    """``shared``: a folder that is the same here and on the phone."""
    keys = [load_key(key).public_line()] if authorized else None
    root, daemon = adbd(tree, sys.executable, keys=keys, debuggable=debuggable, user=user)
    if shared:
        root += Root((Mount(str(shared), str(shared)),))
    whole = gnu_userland() + controller_python() + root + more[0]
    link = Link()
    try:
        spec = HostSpec("pixel", whole, {"adbd": daemon, **more[1]}, user=user, disk_mib=disk_mib)
        host = Host(spec, link, folder / "phone")
    except BaseException:
        link.close()
        raise
    device = Device("pixel", "adb", host=link.device_address, port=PORT, adb_key=key, python=sys.executable)
    return Phone(host, link, folder, device)


def switch_off(phone: Phone) -> None:
    phone.host.close()
    phone.link.close()


@pytest.fixture
def make_phone(adbd_root: AdbdRoot, adb_key: Path, tmp_path: Path) -> Iterator[MakePhone]:
    """Makes phones of the test's own: to be cut, filled or configured in another way."""
    phones: list[Phone] = []

    def make(**options: object) -> Phone:
        folder = tmp_path / f"phone{len(phones)}"
        phones.append(build_phone(adbd_root, adb_key, folder, **options))  # type: ignore[arg-type]
        return phones[-1]

    yield make
    for phone in phones:
        switch_off(phone)


@pytest.fixture(scope="session")
def phone(adbd_root: AdbdRoot, adb_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """One for tests that leave it as it is."""
    phone = build_phone(adbd_root, adb_key, tmp_path_factory.mktemp("phone"))
    yield phone
    switch_off(phone)


@pytest.fixture(scope="session")
def shared_phone(adbd_root: AdbdRoot, adb_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """Its user is root and the tests' folders are the same there as here, as on the other devices of the contract."""
    base = tmp_path_factory.getbasetemp()
    root = User("root", 0, home="/data/local/tmp")
    phone = build_phone(adbd_root, adb_key, tmp_path_factory.mktemp("shared"), user=root, shared=base)
    yield phone
    switch_off(phone)
