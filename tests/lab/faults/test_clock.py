"""Somebody sets the device's clock by an hour in the middle of a session, as NTP does after a boot without a battery.

CLOCK_REALTIME belongs to the whole machine, so a stand-in shifts what the agent's Python reads of it, for its processes
alone. (libfaketime 0.9.10 cannot leave the monotonic clock alone: CPython 3.11's sleep, clock_nanosleep with
TIMER_ABSTIME, fails under it with EINVAL.)
"""

from pathlib import Path

import pytest

from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.standin.rootfs import File
from tests.lab.faults.board import HOME, Board, Seen, spec_of
from tests.lab.faults.stand_in_runtime import with_environment
from tests.orchestrator.measure.sessions import Files

FOLDER, OFFSET = f"{HOME}/clock", f"{HOME}/clock/offset_s"
STAND_IN = f"""
import time
real = time.time
time.time = lambda: real() + float(open({OFFSET!r}).read())
"""


@pytest.mark.parametrize("hours", [1, -1])
def test_the_clock_steps_by_an_hour(pi5: Board, files: Files, tmp_path: Path, hours: int) -> None:
    pi5.host.disk.write(OFFSET, File("0\n", owned_by_user=True))
    pi5.host.disk.write(f"{FOLDER}/sitecustomize.py", File(STAND_IN, owned_by_user=True))
    with pi5.agent(files) as agent:
        stepped = with_environment(pi5, agent, {"PYTHONPATH": FOLDER})
        seen = Seen("progress", lambda: pi5.path(OFFSET).write_text(f"{3600 * hours}\n"))
        result, arrays = run_session(stepped, spec_of(files, f"clock{hours}"), on_event=seen, arrays_dir=tmp_path)
        seen.assert_whole(result, arrays)
        assert result.clock_step_s == pytest.approx(3600 * hours, abs=5)
    pi5.assert_nothing_left()
