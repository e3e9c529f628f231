"""The Python client on the trained transducers; on small ones it is tested with everything else."""

from pathlib import Path

import pytest

from tests.clients.real import REAL
from tests.orchestrator.decide.bundle.test_python_client import lines, run


@pytest.mark.parametrize("name", REAL)
def test_it_hears_what_the_agent_hears(tmp_path: Path, name: str) -> None:
    case = REAL[name](tmp_path)
    assert run(case) == lines(case)
