"""The whole look, as the agent prints it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from agents import strict_json
from agents.doctor.examine import examine
from agents.doctor.facts import DoctorFacts

# What a device tells only through files of /proc and /sys.
READ_FROM_FILES = {
    "governor",
    "frequency",
    "cores",
    "isolation",
    "irq",
    "cpu-quota",
    "thermal",
    "swap",
    "busy-processes",
    "background-load",
    "battery",
    "charging",
}


def test_where_nothing_can_be_read_each_check_says_so(tmp_path: Path) -> None:
    facts = examine(str(tmp_path), str(tmp_path / "nothing"))
    assert set(facts.absent) == READ_FROM_FILES
    assert all(facts.absent.values())
    assert facts.state.governor is None
    assert facts.android is None
    assert facts.jetson is None


def test_the_verb_answers_what_the_controller_reads(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "agents", "doctor", "--root", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=120)
    facts = strict_json.from_json(DoctorFacts, json.loads(done.stdout))
    assert facts.uid == os.geteuid()
    assert facts.clock.backward_steps == 0
    assert facts.clock.end_wall_s > facts.clock.begin_wall_s
    assert facts.clock.wake_error_worst_ns >= facts.clock.wake_error_median_ns > 0
