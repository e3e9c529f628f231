"""Promise 15: the peak of a phase is that phase's own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.memory import PhaseMemory, parse_status
from tests.agents.device import REPOSITORY
from tests.agents.tree import lay

MB = 1 << 20


def test_parse_status() -> None:
    text = "Name:\tpython3\nVmHWM:\t   51200 kB\nVmRSS:\t   40960 kB\nThreads:\t1\nRssAnon:\t   20480 kB\n"
    assert parse_status(text) == {"VmHWM": 51200 << 10, "VmRSS": 40960 << 10, "RssAnon": 20480 << 10}


def test_each_phase_has_its_own_peak() -> None:
    code = (
        "import json; from agents.memory import PhaseMemory\n"
        "memory = PhaseMemory()\n"
        "memory.begin(); block = bytearray(200 << 20); del block; memory.end('load')\n"
        "memory.begin(); kept = bytearray(20 << 20); memory.end('steady')\n"
        "print(json.dumps([[p.phase, p.peak_bytes, p.rss_anon_bytes, p.method] for p in memory.phases]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    load, steady = json.loads(done.stdout)
    assert load[0] == "load"
    assert load[1] > 200 * MB
    assert load[2] < 100 * MB
    if steady[3] == "hwm-reset":
        assert 20 * MB < steady[1] < 120 * MB
    else:
        assert steady[1] >= load[1]


def test_a_peak_that_cannot_be_reset_is_labelled(tmp_path: Path) -> None:
    memory = PhaseMemory(lay(tmp_path, {"status": "VmHWM:\t100 kB\nRssAnon:\t50 kB\n"}))
    memory.begin()
    memory.end("load")
    (phase,) = memory.phases
    assert (phase.peak_bytes, phase.rss_anon_bytes, phase.rss_file_bytes) == (102400, 51200, None)
    assert phase.method == "hwm-cumulative"


@pytest.mark.parametrize("files", [{}, {"status": ""}])
def test_a_kernel_that_says_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    memory = PhaseMemory(lay(tmp_path, files))
    memory.begin()
    memory.end("load")
    assert memory.phases[0].peak_bytes is None
