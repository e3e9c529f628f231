"""A link that goes silent, as a pulled cable does: nothing hangs, and a short silence heals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import require_program

REPOSITORY = Path(__file__).resolve().parents[4]
# Without the socket's own limits each of the actions would wait for ever.
LIMIT_S = 120.0


def test_a_silent_link_is_noticed_and_a_short_silence_heals(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may make a network namespace in which sshd can still log users in")
    unshare = [require_program("unshare"), "--net", sys.executable, "-m"]
    script = "tests.orchestrator.measure.transports.partitioned"
    require_program("ip")
    done = subprocess.run(
        [*unshare, script, tmp_path], cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "Unreachable" in found["waiting"]
    assert "the link was lost" in found["waiting"]
    assert "Unreachable" in found["connecting"]
    assert "the link was lost" in found["pushing"]
    assert found["pushing over a short cut"] == "ok"
