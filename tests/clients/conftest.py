"""Clients of bundles that need a runtime from npm: ``make test-clients``, 170 MB and half a minute to install."""

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.decide.bundle import clients

if "EARSHOT_CLIENTS" not in os.environ:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the TypeScript client names in its package.json, installed."""
    folder = tmp_path_factory.mktemp("npm")
    package = Path(clients.__file__).parent / "typescript" / "package.json"
    (folder / "package.json").write_text(package.read_text())
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=600)
    return folder / "node_modules"
