"""Promise 15: the peak memory of each phase. Real processes on this machine, which take and give back known amounts."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agents import wire
from tests.agents.device import REPOSITORY, Device
from tests.promises.figures.row import Bound, Row, at_most
from tests.promises.hungry import LOG, MIB, TAKES_MIB

# The kernel's counters of resident pages lag by some pages a thread; the interpreter's own growth comes on top.
TOLERANCE_MIB = 6
AGENT = (sys.executable, "-m", "tests.promises.hungry", "agent")
# A /proc that refuses to reset a peak, as containers mount it: in a mount namespace of its own.
READ_ONLY_PROC = 'mount --bind /proc /proc && mount -o remount,bind,ro /proc && exec "$@"'
REFUSED = ("unshare", "--mount", "sh", "-c", READ_ONLY_PROC, "sh", *AGENT)


@dataclass(frozen=True)
class Phase:
    """``true_bytes``: what was resident before, and what was taken. ``said``: the session's own."""

    true_bytes: int
    said: wire.PhaseMemory

    @property
    def error_mib(self) -> float:
        assert self.said.peak_bytes is not None
        return (self.said.peak_bytes - self.true_bytes) / MIB


def session(root: Path, command: tuple[str, ...] = AGENT) -> tuple[wire.RunResult, dict[str, Phase]]:
    """A session of the agent whose backend takes memory in each phase."""
    device, log = Device(root, command), root / "log"
    os.environ[LOG] = str(log)
    try:
        spec = device.spec(runtime="hungry", provider="echo", chunk_count=20, sampler_hz=20.0)
        result = device.run(spec).result
    finally:
        del os.environ[LOG]
    assert result.outcome == "ok", result.reason
    taken = dict(json.loads(line) for line in log.read_text().splitlines())
    return result, {said.phase: Phase(taken[said.phase], said) for said in result.memory}


def naive() -> dict[str, float]:
    """Error of ru_maxrss after each phase, in MiB.

    Through a shell that forks: ru_maxrss of a process that is started directly begins at its parent's memory.
    """
    argv = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-m", "tests.promises.hungry", "naive"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {phase: (said - true) / MIB for phase, true, said in found}


def held(phase: Phase) -> bool:
    """Whether what was said of it is true: exact, or labelled as sampled and a bound on each side."""
    exact = abs(phase.error_mib) <= TOLERANCE_MIB
    if phase.said.method in (wire.HWM_RESET, wire.HWM_ROSE):
        return exact
    at_most_bytes = phase.said.at_most_bytes
    below = phase.error_mib <= TOLERANCE_MIB
    return below and at_most_bytes is not None and at_most_bytes + TOLERANCE_MIB * MIB >= phase.true_bytes


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        permitted, refused = (
            session(Path(folder, name), command)[1] for name, command in (("permitted", AGENT), ("refused", REFUSED))
        )
    return rows_of(naive(), permitted, refused)


def rows_of(errors: dict[str, float], permitted: dict[str, Phase], refused: dict[str, Phase]) -> list[Row]:
    wrong = 100 * sum(abs(error) > TOLERANCE_MIB for error in errors.values()) / len(errors)
    worst = max(abs(error) for error in errors.values())
    methods = ", ".join(f"{name}: {phase.said.method}" for name, phase in refused.items())
    taken = ", ".join(f"{mib}" for mib in TAKES_MIB.values())
    return [
        Row(
            15,
            f"largest error of a phase's peak where phases take and give back {taken} MiB",
            at_most(TOLERANCE_MIB),
            max(abs(phase.error_mib) for phase in permitted.values()),
            worst,
            "ru_maxrss after each phase",
            unit="MiB",
        ),
        Row(
            15,
            "phases told right, or as sampled within true bounds, where the kernel refuses to reset the peak",
            Bound(100, 100),
            100 * sum(held(phase) for phase in refused.values()) / len(refused),
            100 - wrong,
            "ru_maxrss after each phase",
            earshot_note=methods,
        ),
    ]
