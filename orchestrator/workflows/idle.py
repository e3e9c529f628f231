"""Sessions without a model: what the device draws with the agent and its pacer running, which net energy is above."""

from dataclasses import replace

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.power import choose_source
from orchestrator.domain.session import IDLE
from orchestrator.workflows.session_runner import SessionRunner

# Power of an idle device wanders by some per cent within seconds; a sensor that answers every 0.6 s gives 16 readings.
IDLE_S = 10.0
BEFORE, AFTER = 0, 1


def measures_power(runner: SessionRunner) -> bool:
    """Whether the device has a power sensor that its energy can come from."""
    return not isinstance(choose_source(runner.environment.probe.sensors), str)


def measure_idle(runner: SessionRunner, like: Candidate, when: int, seconds: float = IDLE_S) -> None:
    """An idle session with the chunks of ``like``, BEFORE or AFTER what is compared; in the ledger beside the others.

    Nothing where the device has no power sensor. One that fails leaves the study without energy, and with all else.
    """
    if measures_power(runner):
        runner.run_all([runner.plan(idle_candidate(like), IDLE, seconds=seconds, block=when)])


def idle_candidate(like: Candidate) -> Candidate:
    """The pacer with the stand-in for a runtime, which computes nothing."""
    return replace(like, runtime="echo", provider="echo", threads=1, session_options={})
