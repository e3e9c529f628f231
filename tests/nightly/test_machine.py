"""The agent on a whole emulated machine; `make nightly-vm`."""

import os
import tempfile
from pathlib import Path

from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import deploy, deploy_bare
from orchestrator.measure.provision.environments import ask_environments, make_environment, plan_environment
from orchestrator.measure.provision.resolve import wheel_cache
from orchestrator.measure.transports.ssh import SshTransport
from tests.nightly.machine import Machine


def test_the_agent_and_the_runtime_run_on_a_kernel_of_their_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", Path(tempfile.gettempdir()) / f"earshot-test-roots-{os.getuid()}")
    archive = build_agent_archive(tmp_path / "archive")
    with machine.boot(), SshTransport("machine", machine.target) as transport:
        bare = deploy_bare(transport, archive)
        assert (bare.probe.machine, bare.probe.python) == ("aarch64", "3.9.2")
        assert bare.probe.virtual is not None
        there = ask_environments(bare)
        plan = plan_environment(bare, there, "default", ("numpy", "onnxruntime"), wheel_cache())
        make_environment(bare, there.python, plan)
        agent = deploy(transport, archive)
        usable = {runtime.name: runtime.version for runtime in agent.probe.runtimes if runtime.usable}
        assert usable["onnxruntime"] == "1.19.2"
