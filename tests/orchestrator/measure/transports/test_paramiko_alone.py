import os
import subprocess
import sys

import pytest


@pytest.fixture
def told(tmp_path):
    """What a program prints where there is a package invoke, ours: paramiko does not always bring it."""
    (tmp_path / "invoke.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}

    def run(program: str) -> str:
        argv = [sys.executable, "-c", f"import sys; {program}"]
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    return run


def test_ssh_leaves_out_what_it_never_uses_and_hides_it_from_nobody(told):
    ssh = "import orchestrator.measure.transports.ssh"
    assert told(f"{ssh}; print('invoke' in sys.modules)") == "False"
    assert told(f"{ssh}; import invoke; print(invoke.__name__)") == "invoke"


def test_who_uses_invoke_keeps_it(told):
    assert told("import invoke, orchestrator.measure.transports.ssh; print(sys.modules['invoke'] is invoke)") == "True"
