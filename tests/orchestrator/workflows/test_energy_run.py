"""Energy through the whole of ``earshot run``, with a meter whose watts are a known function of time."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.session import IDLE
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.workflows.test_metering import run

# Rises from 2 W to 4 W every 8 s, on the clock of this machine, which is the device.
_SAW = """
import random, time
while True:
    t = time.monotonic()
    print(2.0 + 0.25 * (t % 8.0), flush=True)
    time.sleep(random.uniform(0.01, 0.03))
"""


def by_name(said: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in said["figures"]}


def saw_energy_j(t: float) -> float:
    whole, rest = divmod(t, 8.0)
    return 2.0 * t + 0.125 * (64.0 * whole + rest * rest)


@pytest.mark.parametrize("mode", ["paced", "flat-out"])
def test_the_figures_are_the_truth_of_the_meter_within_two_per_cent(results: Path, mode: str) -> None:
    seconds = 8.0 if mode == "paced" else 60.0
    session, said = run(results, {"kind": "command", "argv": [sys.executable, "-I", "-c", _SAW]}, seconds, mode)
    figures = by_name(said)
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        idle = ledger.sessions(session.planned.study_id, mode=IDLE)
    assert [one.planned.block for one in idle] == [0, 1]

    def truth_w(t_ns: np.ndarray, skip: int) -> float:
        begin_s, end_s = t_ns[skip, 0] / 1e9, t_ns[-1, -1] / 1e9
        return (saw_energy_j(end_s) - saw_energy_j(begin_s)) / (end_s - begin_s)

    note = str(figures["chunks"]["note"])
    skip = int(note.split("first ")[1].split(" ")[0]) if "first " in note else 0
    t_ns = session.arrays["t_ns"]
    assert figures["power, mean"]["value"] == pytest.approx(truth_w(t_ns, skip), rel=0.02)
    idle_w = float(np.mean([truth_w(one.arrays["t_ns"], 0) for one in idle]))
    assert figures["power, idle"]["value"] == pytest.approx(idle_w, rel=0.02)
    chunk_s = session.planned.candidate.chunk_samples / 16_000
    audio_s = (len(t_ns) - skip) * chunk_s
    window_s = (t_ns[-1, -1] - t_ns[skip, 0]) / 1e9
    net_mj = (truth_w(t_ns, skip) - idle_w) * window_s / audio_s * 1e3
    # Of a difference of two powers, two per cent of either.
    within = 0.02 * truth_w(t_ns, skip) * window_s / audio_s * 1e3
    assert figures["energy, net"]["value"] == pytest.approx(net_mj, abs=within)
    assert figures["energy per chunk, net"]["value"] == pytest.approx(figures["energy, net"]["value"] * chunk_s)
    assert ("energy" in figures) == (mode == "flat-out")
    assert "meter.command (power of the board, command" in figures["power, mean"]["note"]
    assert "not calibrated" in figures["power, mean"]["note"]


def test_a_meter_that_vanishes_leaves_no_energy_and_the_reason(results: Path) -> None:
    # 2.5 s of readings in each of the sessions, which stream for 4 s.
    code = "import time\nfor _ in range(125): print(4.25, flush=True); time.sleep(0.02)\nraise SystemExit(3)"
    meter = {"kind": "command", "argv": [sys.executable, "-I", "-c", code], "averaged": True}
    _, said = run(results, meter, seconds=6.0)
    found = by_name(said)["energy, net"]
    assert found["value"] is None
    # Of the session, or of the idle one before it, whichever it was told of first.
    assert found["note"].startswith("absent: ")
    assert "meter.command is known for" in found["note"]
    assert "ended with exit code 3" in found["note"]


def test_a_fixed_rate_in_step_with_the_chunks_is_refused(results: Path) -> None:
    code = (
        "import time\nt = time.monotonic()\nwhile True:\n t += 0.08\n time.sleep(max(0, t - time.monotonic()))\n"
        " print(4.25, flush=True)"
    )
    _, said = run(results, {"kind": "command", "argv": [sys.executable, "-I", "-c", code]}, seconds=4.0)
    found = by_name(said)["energy, net"]
    assert found["value"] is None
    assert "in step with what repeats every" in found["note"]
