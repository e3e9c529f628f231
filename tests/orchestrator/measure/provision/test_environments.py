"""Environments made over a real link: what is pushed, what a lost link leaves, and BusyBox behind dropbear."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, DeviceNotReady, Unreachable
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.clean import clean
from orchestrator.measure.deploy.push import deploy_bare
from orchestrator.measure.lab.device import LOCAL, Device, PythonEnvironment
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.provision.environments import (
    EnvironmentPlan,
    EnvironmentReport,
    ask_environments,
    make_environment,
    plan_environment,
    wanted_environments,
)
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import MakeHost
from tests.lab.fixtures import MakeStandIn, make_standin
from tests.wheels import make_wheel

__all__ = ["make_standin"]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip sees."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    make_wheel(tmp_path / "index", "tiny", "1.0")
    return tmp_path / "index"


@pytest.fixture
def agent(make_ssh_host: MakeHost, archive: AgentArchive, tmp_path: Path) -> Iterator[DeployedAgent]:
    """On a bare Python behind sshd."""
    python = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    with SshTransport("device", make_ssh_host().target) as transport:
        yield deploy_bare(transport, archive, str(tmp_path / "root"), python=str(python / "bin" / "python"))


def plan(agent: DeployedAgent, cache: Path, *packages: str, upgrade: bool = False) -> EnvironmentPlan:
    there = ask_environments(agent)
    return plan_environment(agent, there, "default", packages or ("tiny",), cache, upgrade=upgrade)


def made(agent: DeployedAgent, cache: Path, *packages: str, upgrade: bool = False) -> EnvironmentReport:
    found = plan(agent, cache, *packages, upgrade=upgrade)
    assert found.needed
    return make_environment(agent, ask_environments(agent).python, found)


def version(agent: DeployedAgent) -> str:
    argv = [f"{agent.root}/environments/default/bin/python", "-c", "import tiny; print(tiny.VERSION)"]
    return agent.transport.exec(argv).stdout.decode().strip()


def test_made_once_and_then_there(agent: DeployedAgent, index: Path, tmp_path: Path) -> None:
    report = made(agent, tmp_path / "cache")
    assert report.bytes_sent == next(index.iterdir()).stat().st_size
    assert version(agent) == "1.0"
    again = plan(agent, tmp_path / "cache")
    assert (again.needed, again.reason) == (False, "it is there")


def test_a_newer_version_comes_only_when_asked_for(agent: DeployedAgent, index: Path, tmp_path: Path) -> None:
    made(agent, tmp_path / "cache")
    assert not plan(agent, tmp_path / "cache", upgrade=True).needed
    make_wheel(index, "tiny", "2.0")
    assert not plan(agent, tmp_path / "cache").needed
    assert plan(agent, tmp_path / "cache", upgrade=True).reason == "there are newer versions"
    made(agent, tmp_path / "cache", upgrade=True)
    assert version(agent) == "2.0"
    # Going back needs nothing: the wheel and the old environment are still there.
    assert made(agent, tmp_path / "cache", "tiny<2").bytes_sent == 0
    assert version(agent) == "1.0"


def test_a_wheel_that_the_device_has_is_not_sent_again(agent: DeployedAgent, index: Path, tmp_path: Path) -> None:
    made(agent, tmp_path / "cache")
    assert clean(agent, environments=True, keep=[])
    assert version(agent) == ""
    assert made(agent, tmp_path / "cache").bytes_sent == 0
    assert version(agent) == "1.0"


def test_what_cannot_be_imported_there_leaves_the_old_one(agent: DeployedAgent, index: Path, tmp_path: Path) -> None:
    made(agent, tmp_path / "cache")
    make_wheel(index, "tiny", "2.0", files={"tiny.py": "raise ImportError('libfoo.so.1: no such file')\n"})
    with pytest.raises(DeviceNotReady, match=r"could not be made on device: .*libfoo\.so\.1") as caught:
        made(agent, tmp_path / "cache", upgrade=True)
    assert caught.value.hint == "what was there before is still there, and still used"
    assert version(agent) == "1.0"


def test_a_link_that_is_lost_on_the_way_leaves_the_old_one(
    make_ssh_host: MakeHost, archive: AgentArchive, index: Path, tmp_path: Path
) -> None:
    host = make_ssh_host()
    with SshTransport("device", host.target) as transport:
        agent = deploy_bare(transport, archive, str(tmp_path / "root"), python=sys.executable)
        made(agent, tmp_path / "cache")
        cut = (
            "import os, pathlib, signal, time; pathlib.Path(os.environ['HOME'], 'importing').touch(); time.sleep(20)\n"
        )
        make_wheel(index, "tiny", "2.0", files={"tiny.py": cut})
        found = plan(agent, tmp_path / "cache", upgrade=True)
        facts = ask_environments(agent).python
        cutter = subprocess.Popen(
            ["sh", "-c", f"until [ -e '{host.home}/importing' ]; do sleep 0.05; done; kill -9 $@", "sh"]
            + [str(pid) for pid in host.serving_pids()]
        )
        with pytest.raises(Unreachable):
            make_environment(agent, facts, found)
        assert cutter.wait() == 0
        transport.reconnect()
        assert version(agent) == "1.0"


def test_a_python_behind_a_wrapper(make_ssh_host: MakeHost, archive: AgentArchive, index: Path, tmp_path: Path) -> None:
    """Termux's way to Debian's Python, with env in place of proot-distro: what is made there starts through it too."""
    host = make_ssh_host()
    wrapper = host.home / "bin" / "debian-python"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec env "INSIDE=yes" "HOME=$HOME" "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    with SshTransport("phone", host.target) as transport:
        agent = deploy_bare(transport, archive, python="~/bin/debian-python")
        there = ask_environments(agent, "~/bin/debian-python")
        assert there.python.wrapper == str(wrapper)
        found = plan_environment(agent, there, "default", ("tiny",), tmp_path / "cache")
        make_environment(agent, there.python, found)
        python = f"{agent.root}/environments/default/bin/python"
        done = transport.exec([python, "-c", "import os, tiny; print(os.environ['INSIDE'], tiny.VERSION)"])
        assert done.stdout == b"yes 1.0\n"
        again = ask_environments(agent, "~/bin/debian-python")
        assert not plan_environment(agent, again, "default", ("tiny",), tmp_path / "cache").needed


def test_busybox_behind_dropbear(make_standin: MakeStandIn, archive: AgentArchive, index: Path, tmp_path: Path) -> None:
    """No GNU tools, no sha256sum, no SFTP: all beyond sh goes through the agent's Python."""
    device = make_standin("orin-nano").device
    with open_transport(device) as transport:
        agent = deploy_bare(transport, archive, device.root, python=device.python)
        made(agent, tmp_path / "cache")
        assert version(agent) == "1.0"
        assert not plan(agent, tmp_path / "cache").needed


def test_which_ones_a_device_should_have() -> None:
    plain = Device(LOCAL, LOCAL)
    assert wanted_environments(plain) == {
        "default": PythonEnvironment(packages=("numpy", "onnxruntime", "ai-edge-litert"))
    }
    own = PythonEnvironment(python="~/envs/ort/bin/python")
    more = Device(
        "pi5", "ssh", environments={"default": own, "litert": PythonEnvironment(packages=("ai-edge-litert",))}
    )
    assert list(wanted_environments(more)) == ["default", "litert"]
    assert wanted_environments(more, ["default"]) == {"default": own}
    with pytest.raises(BadInput, match="no environment 'litter'"):
        wanted_environments(more, ["litter"])
