"""Clients of bundles that need a runtime or a compiler from npm: ``make test-clients``, 270 MB to install."""

import os
from pathlib import Path

import pytest

from tests.clients import building
from tests.clients.real import REAL

if "EARSHOT_CLIENTS" not in os.environ:
    collect_ignore_glob = ["test_*.py"]
elif not REAL:
    collect_ignore = ["test_python.py"]


@pytest.fixture(scope="session")
def main_js(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript client, built as its README says."""
    return building.typescript(tmp_path_factory.mktemp("typescript")) / "main.js"


@pytest.fixture(scope="session")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts the Kotlin client, with Piped.kt around it."""
    return building.kotlin(tmp_path_factory.mktemp("kotlin"), Path(__file__).parent / "kotlin" / "Piped.kt")
