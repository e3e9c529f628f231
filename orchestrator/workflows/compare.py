"""``earshot compare``: two sides of the ledger, or two candidates measured now, interleaved or at the same time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from agents import wire
from orchestrator.decide.comparison.compare import WANTED_EFFECT, Comparison, compare
from orchestrator.decide.comparison.runs import Side
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import PlannedSession
from orchestrator.ledger.calibrations import calibration_for
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.arrays import Arrays
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.farm.interleave import block_order
from orchestrator.measure.lab.lease import Hold
from orchestrator.workflows.bench import BenchSettings
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.side_by_side import Schedule, measure
from orchestrator.workflows.sides import ALONE, side_of, study_facts

# What a session costs beside its audio.
_OVERHEAD_S = 1.0


def compare_recorded(
    results: Path, a: str, b: str, *, mode: str | None = None, wanted: float = WANTED_EFFECT, force: bool = False
) -> Comparison:
    """B against A, of what the ledger has. Raises LedgerError without one, BadInput, Incomparable."""
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        sides = side_of(ledger, a, mode), side_of(ledger, b, mode)
        duet = all(side.others[ALONE] != "yes" for side in sides)
        return _compared(ledger, *sides, wanted=wanted, force=force, duet=duet)


def compare_now(settings: BenchSettings, progress: Progress, *, wanted: float = WANTED_EFFECT) -> Comparison:
    """The second of the two choices against the first, in ``settings.runs`` pairs of fresh processes."""
    with Ledger.open(settings.ledger_path()) as ledger:
        schedule = _at_once(settings) if settings.duet else _interleaved(settings)
        bench = measure(settings, ledger, schedule, progress)
        sessions = ledger.sessions(bench.study.study_id, mode=settings.mode)
        sides = [
            Side(
                candidate.label,
                candidate,
                bench.artifacts[candidate.artifact_sha256],
                tuple(s for s in sessions if s.planned.candidate.key == candidate.key),
                study_facts([bench.study]),
            )
            for candidate in bench.candidates
        ]
        return _compared(ledger, sides[0], sides[1], wanted=wanted, force=False, duet=settings.duet)


def _compared(ledger: Ledger, a: Side, b: Side, *, wanted: float, force: bool, duet: bool) -> Comparison:
    planned = b.sessions[0].planned
    calibration = calibration_for(ledger, planned.device, planned.mode, planned.candidate.model)
    return compare(a, b, calibration=calibration, wanted=wanted, force=force, duet=duet)


def _interleaved(settings: BenchSettings) -> Schedule:
    def run(runner: SessionRunner, candidates: Sequence[Candidate], held: Hold) -> None:
        steps = settings.runs * len(candidates)
        each_s = settings.seconds if settings.mode == "paced" else 0.0
        runner.progress.stage(f"{settings.mode}, interleaved", steps=steps, expected_s=steps * (each_s + _OVERHEAD_S))
        for block in range(settings.runs):
            order = block_order(candidates, block, settings.seed)
            runner.run_all(
                runner.plan(c, settings.mode, seconds=settings.seconds, block=block, position=i)
                for i, c in enumerate(order)
            )

    return run


class _Beside(SessionRunner):
    """A runner of which two measure at once. The lease is kept from its heartbeat by whoever starts them both, and what
    is in the ledger stays on the device until both are done: two would delete there at once.
    """

    def _measure(self, agent: DeployedAgent, spec: wire.RunSpec, scratch: Path) -> tuple[wire.RunResult, Arrays]:
        return run_session(agent, spec, on_event=lambda event: None, arrays_dir=scratch)


def _at_once(settings: BenchSettings) -> Schedule:
    def run(runner: SessionRunner, candidates: Sequence[Candidate], held: Hold) -> None:
        # Neither a meter nor a wait for a cool device is one candidate's own.
        pair = [_beside(runner) for _ in candidates]
        each_s = settings.seconds if settings.mode == "paced" else 0.0
        steps = settings.runs
        runner.progress.stage(f"{settings.mode}, duet", steps=steps, expected_s=steps * (each_s + _OVERHEAD_S))
        for block in range(settings.runs):
            order = block_order(list(zip(pair, candidates, strict=True)), block, settings.seed)
            runner.progress.step(f"both at once, {block + 1} of {settings.runs}")
            plans = together(
                [
                    (own, own.plan(candidate, settings.mode, seconds=settings.seconds, block=block, position=i))
                    for i, (own, candidate) in enumerate(order)
                ]
            )
            with held.measuring(), ThreadPoolExecutor(len(plans)) as threads:
                for started in [threads.submit(own.run, planned) for own, planned in plans]:
                    started.result()
        for own in pair:
            own.forget_recorded()

    return run


def together(plans: list[tuple[_Beside, PlannedSession]]) -> list[tuple[_Beside, PlannedSession]]:
    """The first attempt that the ledger has of both or of neither: where an interruption left one of them alone, both
    run once more, because the other one's load is part of what is measured.
    """
    while True:
        known = [own.ledger.session(planned.session_id, with_arrays=False) is not None for own, planned in plans]
        if all(known) or not any(known):
            return plans
        plans = [(own, replace(planned, attempt=planned.attempt + 1)) for own, planned in plans]


def _beside(runner: SessionRunner) -> _Beside:
    return _Beside(
        runner.ledger,
        runner.study,
        runner.agent,
        runner.environment,
        runner.material,
        runner.artifacts,
        runner.progress,
        runner.seed,
        hold=runner.hold,
        power=runner.power,
        deadline_ns=runner.deadline_ns,
        isolate=runner.isolate,
    )
