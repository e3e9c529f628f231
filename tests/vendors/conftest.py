"""Collected only where it is asked for: a skip would be a failure in CI."""

import os
from pathlib import Path

import pytest

from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import deploy_bare
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport
from orchestrator.measure.provision.environments import ask_environments, make_environment, plan_environment
from orchestrator.measure.provision.resolve import wheel_cache
from tests.orchestrator.workflows.mini import add_mini

collect_ignore_glob = [] if os.environ.get("EARSHOT_VENDORS") == "1" else ["test_*.py"]
LAB = """
[devices.local]
transport = "local"
root = "{root}"

[devices.local.environments.openvino]
packages = ["numpy", "onnxruntime-openvino==1.24.1"]

[devices.local.environments.openvino-ir]
packages = ["numpy", "openvino==2026.4.1"]

[devices.local.environments.qnn]
packages = ["numpy", "onnxruntime==1.31.1", "onnxruntime-qnn==2.7.0"]
"""


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab file whose device ``local`` has all environments, made as ``earshot devices setup`` makes them."""
    folder = tmp_path_factory.mktemp("lab")
    path = folder / "lab.toml"
    path.write_text(LAB.format(root=folder / "root"))
    device = find_device(load_lab(path), "local")
    with open_transport(device) as transport:
        agent = deploy_bare(transport, build_agent_archive(folder), device.root)
        there = ask_environments(agent)
        for name, environment in device.environments.items():
            plan = plan_environment(agent, there, name, environment.packages, wheel_cache())
            make_environment(agent, there.python, plan)
    return path


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vendors") / "earshot-results"
    add_mini(folder)
    return folder
