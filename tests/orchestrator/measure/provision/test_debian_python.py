"""Debian's Python on a board: made once here, started there through its own loader."""

import os
from pathlib import Path

import pytest

from agents.environments.nouns import EnvironmentsAnswer
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.push import deploy_bare
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.provision.debian_python import debian_archive
from orchestrator.measure.provision.environments import ask_environments
from orchestrator.measure.provision.python_plan import DEBIAN, carry_out, plan_python
from tests.hosts import require_program
from tests.lab.fixtures import ROOTS, MakeStandIn, make_standin

__all__ = ["make_standin"]


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is kept for the next run, as the other roots are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(ROOTS))


def test_it_runs_with_the_c_library_that_it_brings(
    make_standin: MakeStandIn, archive: AgentArchive, tmp_path: Path
) -> None:
    for name in ("dropbear", "busybox", "dpkg-deb"):
        require_program(name)
    try:
        debian_archive(os.uname().machine)
    except DeviceNotReady as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Debian packages here: {exc.message}")
    with open_transport(make_standin("orin-nano").device) as transport:
        done = carry_out(transport, plan_python(transport, None, DEBIAN, tmp_path))
        there: EnvironmentsAnswer = ask_environments(deploy_bare(transport, archive))
        assert there.python.base == done.python
        # Debian 12's.
        assert (there.python.version[:2], there.python.libc, there.python.libc_version) == ((3, 11), "glibc", (2, 36))
        maps = transport.exec([done.python, "-c", "print(open('/proc/self/maps').read())"]).stdout.decode()
        libraries = {line.split()[-1] for line in maps.splitlines() if ".so" in line}
        assert libraries
        assert all(path.startswith(f"{done.python.removesuffix('/bin/python3')}/lib/") for path in libraries)


def test_a_processor_that_it_is_not_made_for() -> None:
    with pytest.raises(DeviceNotReady, match="not made here for mips"):
        debian_archive("mips")
