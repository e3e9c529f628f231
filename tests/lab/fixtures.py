"""Stand-in devices for tests: real daemons in namespaces, made by ``orchestrator.measure.standin``.

``make_standin(kind, **options)`` makes one of the test's own, to be cut, rebooted or filled; it is gone after the test.
``standin_ssh_host`` is one pi5 for the whole session, for tests that leave it as it is.

    def test_something(make_standin: MakeStandIn) -> None:
        pi = make_standin("pi5", quality=Quality(rate_mbit=100, delay_ms=10), disk_mib=64, noexec_tmp=True)
        pi.device                  the lab's Device: connect with it, or write it into a lab file (lab_file([pi]))
        pi.link.cut()              silence in both directions, no RST; pi.link.restore()
        pi.link.set_quality(Quality(rate_mbit=1000, delay_ms=10, jitter_ms=2, loss=0.01))
        pi.reboot()                all that ran is gone, the disk stays, a new boot id; machine.power_off() and .start()
        pi.host.kill_daemon("sshd"), pi.host.start_daemon("sshd")
        pi.host.disk.fill(leave_bytes=0), pi.host.disk.free(), pi.host.disk.path("/home/pi/x")
        pi.host.board.set("/sys/class/thermal/thermal_zone0/temp", "81000\n")
        pi.host.processes()        what runs there: pid on this machine -> command line (os.kill works on them)
        pi.host.run(["ls", "/"])   as root of the device

Kinds: ``orchestrator.measure.standin.catalog.KINDS``. Options: fields of ``HostSpec`` (disk_mib, tmp_mib, noexec_tmp,
read_only_home), ``name`` and ``quality``.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.measure.standin import catalog
from orchestrator.measure.standin.namespaces import has_root
from orchestrator.measure.standin.standin import StandIn
from tests.hosts import require_program

# Kept for the next run: what is fetched once. Shared with the tests of ADB and of the emulated board.
ROOTS = Path(tempfile.gettempdir()) / f"earshot-test-roots-{os.getuid()}"
MakeStandIn = Callable[..., StandIn]


@pytest.fixture
def make_standin(tmp_path: Path) -> Iterator[MakeStandIn]:
    made: list[StandIn] = []

    def make(kind: str, **options: object) -> StandIn:
        _require()
        folder = tmp_path / f"standin{len(made)}"
        made.append(catalog.make_standin(kind, folder, cache=ROOTS, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for standin in reversed(made):
        standin.close()


@pytest.fixture(scope="session")
def standin_ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    _require()
    with catalog.make_standin("pi5", tmp_path_factory.mktemp("standin") / "pi5") as standin:
        yield standin


def _require() -> None:
    for name in ("ip", "tc", "unshare", "nsenter", "sshd", "ssh-keygen"):
        require_program(name)
    if not has_root():
        pytest.skip("needs root: the tests dial from this machine's own network namespace")
