"""A Python brought to the board that has none: BusyBox behind dropbear, with nothing but ``sh`` and ``tar``."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, DeviceNotReady, Unreachable
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.clean import clean
from orchestrator.measure.deploy.push import deploy_bare
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.provision.install_python import PythonInstalled, install_python, look, require_fit
from orchestrator.measure.provision.program_header import Needs
from orchestrator.measure.provision.python_archive import PackedPython, pack
from orchestrator.measure.provision.python_plan import PythonPlan, carry_out, plan_python
from orchestrator.measure.standin.network import Quality
from orchestrator.measure.standin.standin import StandIn
from orchestrator.measure.transports.base import Transport
from tests.hosts import require_program
from tests.lab.fixtures import MakeStandIn, make_standin
from tests.orchestrator.measure.provision.test_python_archive import archive as tar_of
from tests.pythons import python_archive

__all__ = ["make_standin", "python_archive"]
ROOT = ".cache/earshot"
ONE, TWO = "1" * 16, "2" * 16


@pytest.fixture(scope="session")
def packed(python_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> PackedPython:
    return pack(python_archive, tmp_path_factory.mktemp("packed"))


@pytest.fixture
def nano(make_standin: MakeStandIn) -> StandIn:
    for name in ("dropbear", "busybox"):
        require_program(name)
    return make_standin("orin-nano")


@pytest.fixture
def transport(nano: StandIn) -> Iterator[Transport]:
    with open_transport(nano.device) as opened:
        yield opened


def install(transport: Transport, packed: PackedPython, python_id: str = ONE) -> PythonInstalled:
    there = look(transport, ROOT, python_id)
    require_fit(transport, there, packed)
    return install_python(transport, there, python_id, packed)


def names(transport: Transport) -> list[str]:
    """What is in the folder of Pythons, but for the file that locks it."""
    done = transport.exec(["sh", "-c", 'ls -A "$HOME/.cache/earshot/pythons" 2>/dev/null'])
    return [name for name in done.stdout.decode().split() if name != ".lock"]


def script(folder: Path, text: str) -> PackedPython:
    """A Python that is a script, as one that brings its own C library is."""
    return pack(tar_of(folder / "script.tar", ("bin/python3", text.encode()), ("lib/python3.11/os.py", b"")), folder)


def once(is_so: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    """Does it as soon as something is so, in a thread of its own."""

    def wait() -> None:
        give_up_s = time.monotonic() + 60
        while not is_so() and time.monotonic() < give_up_s:
            time.sleep(0.005)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_installed_used_and_removed(
    transport: Transport, archive: AgentArchive, python_archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(DeviceNotReady, match="no Python on orin-nano") as caught:
        deploy_bare(transport, archive)
    assert "earshot devices setup orin-nano --python-archive FILE" in str(caught.value.hint)
    plan = plan_python(transport, None, str(python_archive), tmp_path)
    assert (plan.needed, plan.reason, names(transport)) == (True, "it is not there", [])
    done = carry_out(transport, plan)
    assert done.bytes_sent == plan.bytes_to_send > 1_000_000
    assert sorted(names(transport)) == sorted([plan.id, "current"])

    agent = deploy_bare(transport, archive)
    assert agent.python == done.python == f"/home/nvidia/{ROOT}/pythons/{plan.id}/bin/python3"
    assert agent.probe.python == ".".join(map(str, sys.version_info[:3])) == done.version
    again = plan_python(transport, None, str(python_archive), tmp_path)
    assert (again.needed, again.reason, again.bytes_to_send) == (False, "it is there", 0)

    assert clean(agent, environments=True) == []
    assert clean(agent, python=True) == [f"pythons/{plan.id}"]
    assert names(transport) == []


def test_a_newer_one_replaces_it_and_the_old_one_goes(
    transport: Transport, archive: AgentArchive, packed: PackedPython, tmp_path: Path
) -> None:
    install(transport, packed, ONE)
    install(transport, packed, TWO)
    assert deploy_bare(transport, archive).python.split("/")[-3] == TWO
    # The other way round nothing is sent.
    there = look(transport, ROOT, ONE)
    assert (there.there, there.current) == (True, False)
    back = carry_out(transport, PythonPlan(ONE, "first", "it is there", there))
    assert back.bytes_sent == 0
    agent = deploy_bare(transport, archive)
    assert agent.python == back.python
    assert clean(agent, environments=True) == [f"pythons/{TWO}"]
    assert sorted(names(transport)) == [ONE, "current"]


def test_the_devices_own_comes_after_it(make_standin: MakeStandIn, archive: AgentArchive, packed: PackedPython) -> None:
    pi = make_standin("pi5")
    with open_transport(pi.device) as transport:
        pi.host.run(["ln", "-s", sys.executable, "/usr/local/bin/python3"])
        assert "/pythons/" not in deploy_bare(transport, archive).python
        done = install(transport, packed)
        assert deploy_bare(transport, archive).python == done.python
        assert deploy_bare(transport, archive, python=sys.executable).python == sys.executable


def test_one_that_does_not_start_leaves_the_old_one(transport: Transport, packed: PackedPython, tmp_path: Path) -> None:
    install(transport, packed)
    with pytest.raises(DeviceNotReady, match=r"could not be installed on orin-nano: libfoo\.so\.1") as caught:
        install(transport, script(tmp_path, "#!/bin/sh\necho libfoo.so.1: no such file >&2; exit 127\n"), TWO)
    assert caught.value.hint == "what was there before is still there, and still used"
    assert sorted(names(transport)) == [ONE, "current"]
    assert look(transport, ROOT, ONE).current


def test_one_that_lacks_a_module(transport: Transport, tmp_path: Path) -> None:
    """As a build without libffi: told by the module's name."""
    lacks = "import sys; sys.modules['ctypes'] = None; exec(sys.argv.pop(1))"
    text = f'#!/bin/sh\nshift 3; code=$1; shift\nexec "{sys.executable}" -I -c "{lacks}" "$code" "$@"\n'
    with pytest.raises(DeviceNotReady, match="its module ctypes cannot be imported"):
        install(transport, script(tmp_path, text))
    assert names(transport) == []


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (Needs("riscv64", "/lib/ld-linux-riscv64-lp64d.so.1"), f"for riscv64, orin-nano is {os.uname().machine}"),
        (Needs(os.uname().machine, "/lib/ld-musl-x.so.1"), r"for musl, whose loader /lib/ld-musl-x\.so\.1 is not on"),
    ],
)
def test_one_for_another_device_is_told_before_a_byte_is_sent(
    transport: Transport, packed: PackedPython, needs: Needs, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        install(transport, replace(packed, needs=needs))
    assert names(transport) == []


def test_no_tar_there(nano: StandIn, transport: Transport, packed: PackedPython) -> None:
    nano.host.run(["rm", "/bin/tar"])
    with pytest.raises(DeviceNotReady, match="no tar on orin-nano"):
        install(transport, packed)
    assert names(transport) == []


def test_a_tar_that_cannot_unzip(nano: StandIn, transport: Transport, python_archive: Path, tmp_path: Path) -> None:
    """As GNU's without gzip beside it: it gets a plain one."""
    nano.host.run(["rm", "/bin/tar"])
    text = '#!/bin/sh\ncase $1 in *z*) echo "tar: gzip: not found" >&2; exit 2;; esac\nexec busybox tar "$@"\n'
    nano.host.disk.path("/bin/tar").write_text(text)
    nano.host.run(["chmod", "755", "/bin/tar"])
    plan = plan_python(transport, None, str(python_archive), tmp_path)
    assert plan.packed is not None
    assert plan.bytes_to_send > plan.packed.size_bytes
    assert carry_out(transport, plan).bytes_sent == plan.bytes_to_send
    assert sorted(names(transport)) == sorted([plan.id, "current"])


def test_no_room(make_standin: MakeStandIn, packed: PackedPython) -> None:
    enough_to_send = packed.path.stat().st_size + packed.size_bytes // 2
    nano = make_standin("orin-nano", disk_mib=enough_to_send >> 20)
    with open_transport(nano.device) as transport:
        with pytest.raises(DeviceNotReady, match=r"no room on orin-nano: \d+ MB are needed in /home/nvidia/"):
            install(transport, packed)
        # A disk that fills up on the way, where nobody could know beforehand.
        there = replace(look(transport, ROOT, ONE), free_bytes=None)
        with pytest.raises(DeviceNotReady, match="no room left on orin-nano"):
            install_python(transport, there, ONE, packed)
        assert names(transport) == []


def test_a_link_that_is_lost_on_the_way(make_standin: MakeStandIn, packed: PackedPython) -> None:
    nano = make_standin("orin-nano", quality=Quality(rate_mbit=40))
    with open_transport(nano.device) as transport:
        part = nano.host.disk.path(f"/home/nvidia/{ROOT}/pythons/{ONE}.tar.gz.part")
        cutter = once(
            lambda: part.exists() and part.stat().st_size > 1_000_000, lambda: nano.host.kill_daemon("dropbear")
        )
        with pytest.raises(Unreachable):
            install(transport, packed)
        cutter.join()
        nano.host.start_daemon("dropbear")
        transport.reconnect()
        there = look(transport, ROOT, ONE)
        assert (there.there, there.current) == (False, False)
        nano.link.set_quality(Quality())
        install(transport, packed)
        assert sorted(names(transport)) == [ONE, "current"]


def test_a_plug_that_is_pulled_while_it_is_unpacked(nano: StandIn, packed: PackedPython) -> None:
    with open_transport(nano.device) as transport:
        install(transport, packed, ONE)
        part = nano.host.disk.path(f"/home/nvidia/{ROOT}/pythons/.{TWO}.part/bin")
        puller = once(part.exists, nano.host.power_off)
        with pytest.raises(Unreachable):
            install(transport, packed, TWO)
        puller.join()
        nano.host.start()
        transport.reconnect()
        assert f".{TWO}.part" in names(transport)
        assert look(transport, ROOT, ONE).current
        install(transport, packed, TWO)
        assert sorted(names(transport)) == [ONE, TWO, "current"]
