"""``earshot calibrate``: A/A runs on a device, its noise floor, into the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.decide.comparison.noise import noise_of
from orchestrator.decide.comparison.runs import Runs, Side, runs_of
from orchestrator.domain.calibration import Calibration
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from orchestrator.errors import DeviceError
from orchestrator.ledger.calibrations import calibrations, record_calibration
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.interleave import block_order
from orchestrator.workflows.bench import BenchSettings
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.side_by_side import Bench, measure

_OVERHEAD_S = 1.0
_LEAST_PAIRS = 2


def calibrate(settings: BenchSettings, progress: Progress) -> Calibration:
    """``settings.runs`` pairs of runs of the one choice. Raises EarshotError; DeviceError where too few were good."""
    with Ledger.open(settings.ledger_path()) as ledger:
        bench = measure(settings, ledger, lambda runner, candidates, _: _run(settings, runner, candidates), progress)
        found = _calibration(settings, bench, ledger.sessions(bench.study.study_id, mode=settings.mode), progress)
        record_calibration(ledger, found)
        return found


def known(results: Path, device: str | None = None) -> list[Calibration]:
    """What the ledger has, oldest first. Raises LedgerError without one."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        return calibrations(ledger, device)


def _run(settings: BenchSettings, runner: SessionRunner, candidates: Sequence[Candidate]) -> None:
    """Two runs a pair, each a block of its own: both are of one candidate, and a block holds each candidate once."""
    steps = 2 * settings.runs
    each_s = settings.seconds if settings.mode == "paced" else 0.0
    runner.progress.stage(f"{settings.mode}, A/A", steps=steps, expected_s=steps * (each_s + _OVERHEAD_S))
    runner.run_all(
        runner.plan(candidates[0], settings.mode, seconds=settings.seconds, block=block) for block in range(steps)
    )


def _calibration(settings: BenchSettings, bench: Bench, sessions: Sequence[Session], progress: Progress) -> Calibration:
    (candidate,) = bench.candidates
    device = bench.study.device
    artifact = bench.artifacts[candidate.artifact_sha256]
    side = Side(candidate.label, candidate, artifact, tuple(sessions))
    runs = runs_of(side)
    whole = _whole(runs, settings.runs)
    if len(whole) < _LEAST_PAIRS:
        # A device that is always busy has that for its noise.
        runs = runs_of(side, with_suspect=True)
        whole = _whole(runs, settings.runs)
        for doubt in runs.left_out:
            progress.note(doubt)
    if len(whole) < _LEAST_PAIRS:
        raise DeviceError(
            f"{device} is not calibrated: {len(whole)} of {settings.runs} pairs of runs were good"
            + (f" ({runs.left_out[0]})" if runs.left_out else ""),
            hint=f"earshot devices doctor {device} says what harms them",
        )
    good = {block: run for (_, block), run in runs.good.items()}
    ordered = [block_order((2 * pair, 2 * pair + 1), pair, settings.seed) for pair in whole]
    first = good[2 * whole[0]].session
    return Calibration(
        calibration_id=bench.study.study_id,
        device=device,
        at_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        model=settings.model,
        candidate=candidate.label,
        mode=settings.mode,
        seconds=settings.seconds,
        environment=first.environment,
        state=first.result.before,
        runtime=candidate.runtime,
        runtime_version=first.result.runtime_version,
        noise=noise_of([(good[a], good[b]) for a, b in ordered]),
    )


def _whole(runs: Runs, pairs: int) -> list[int]:
    """The pairs of which both runs are good."""
    good = {block for _, block in runs.good}
    return [pair for pair in range(pairs) if {2 * pair, 2 * pair + 1} <= good]
