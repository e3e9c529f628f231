"""The farm's parts, and whether the long form is asked for."""

import os

import pytest

from orchestrator.measure.standin.namespaces import has_root
from tests.hosts import require_program

# `make farm-faults`: twelve devices, every fault, several seeds.
collect_ignore = [] if os.environ.get("EARSHOT_FARM") == "1" else ["test_faults.py"]


@pytest.fixture(scope="session", autouse=True)
def parts() -> None:
    for name in ("ip", "tc", "unshare", "nsenter", "setpriv", "sshd", "ssh-keygen", "dropbear", "busybox"):
        require_program(name)
    if not has_root():
        pytest.skip("needs root: sites are network namespaces of this machine")
