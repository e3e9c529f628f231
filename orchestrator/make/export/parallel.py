"""Several recipes of one model, exported by worker processes that may die without taking the others along."""

import contextlib
import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agents.strict_json import from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.child import child_environment
from orchestrator.make.export.known import KnownArtifacts
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.export.worker import Answer, Job, ModuleJob
from orchestrator.make.models.source import ModelSource

Outcome = Artifact | ExportRefusal
Progress = Callable[[int, int, Outcome], None]
# The slowest export seen (a Conformer, int8 static) takes two minutes.
DEFAULT_TIMEOUT_S = 600.0
# How soon ``stopped`` is seen.
_LOOK_S = 0.2
STOPPED = "stopped before it ended"


def export_all(
    source: ModelSource,
    recipes: Sequence[Recipe],
    out_dir: Path,
    calibration: CalibrationStream | None = None,
    jobs: int = 1,
    on_progress: Progress | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """An artifact or a refusal for each recipe, in their order; a failing one never stops the others.

    ``on_progress(done, total, outcome)`` is called here, in the caller's thread, as they end. What the store has is
    not made again. On KeyboardInterrupt, and soon after ``stopped`` says so, every worker is killed: what had not ended
    is refused then. The store holds whole artifacts only.
    """
    known = KnownArtifacts(source, out_dir, calibration)
    outcomes: dict[int, Outcome] = {}

    def ended(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        if on_progress is not None:
            on_progress(len(outcomes), len(recipes), outcome)

    missing = []
    for index, recipe in enumerate(recipes):
        artifact = known.find(recipe)
        if artifact is None:
            missing.append(index)
        else:
            ended(index, artifact)
    if missing:
        with tempfile.TemporaryDirectory(prefix="earshot-export-") as scratch:
            job = job_of(source, out_dir, calibration, Path(scratch))
            _run(job, known, recipes, missing, jobs, timeout_s, ended, stopped)
    return [outcomes.get(i) or ExportRefusal(recipe, STOPPED) for i, recipe in enumerate(recipes)]


def job_of(source: ModelSource, out_dir: Path, calibration: CalibrationStream | None, scratch: Path) -> Job:
    """The question to workers; the calibration's utterances are written into ``scratch``."""
    job = Job(
        name=source.name,
        contract=source.contract,
        onnx_path=_text(source.onnx_path),
        tflite_path=_text(source.tflite_path),
        sha256=source.sha256,
        out_dir=str(out_dir.resolve()),
        utterances=None,
        module=ModuleJob.of(source.module),
        step_module=ModuleJob.of(source.step_module),
        lexicon_path=_text(source.lexicon_path),
        pte_path=_text(source.pte_path),
        tuned={name: str(path.resolve()) for name, path in source.tuned.items()},
    )
    if calibration is None:
        return job
    utterances = scratch / "utterances.npz"
    np.savez(utterances, *calibration.utterances)
    return replace(job, utterances=str(utterances), max_feeds=calibration.max_feeds, seed=calibration.seed)


def _text(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None


def _run(
    job: Job,
    known: KnownArtifacts,
    recipes: Sequence[Recipe],
    missing: list[int],
    jobs: int,
    timeout_s: float,
    ended: Callable[[int, Outcome], None],
    stopped: Callable[[], bool],
) -> None:
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
    for index in missing:
        waiting.put(index)
    workers = [_Worker(job, recipes, waiting, answers, timeout_s) for _ in range(max(1, min(jobs, len(missing))))]
    try:
        for worker in workers:
            worker.start()
        for _ in missing:
            said = _next(answers, stopped)
            if said is None:
                return
            index, answer = said
            ended(index, _outcome(known, recipes[index], answer))
    finally:
        for worker in workers:
            worker.stop()


def _next(answers: "queue.SimpleQueue[tuple[int, Answer]]", stopped: Callable[[], bool]) -> tuple[int, Answer] | None:
    while not stopped():
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=_LOOK_S)
    return None


def _outcome(known: KnownArtifacts, recipe: Recipe, answer: Answer) -> Outcome:
    if answer.reason is not None:
        return ExportRefusal(recipe, answer.reason, answer.hint)
    artifact = known.find(recipe)
    return artifact or ExportRefusal(recipe, f"the store at {known.store.folder} lost the artifact", "run again")


class _Worker:
    """A thread that feeds recipes to a process, and starts another when that one died."""

    def __init__(
        self,
        job: Job,
        recipes: Sequence[Recipe],
        waiting: "queue.SimpleQueue[int]",
        answers: "queue.SimpleQueue[tuple[int, Answer]]",
        timeout_s: float,
    ) -> None:
        self._job, self._recipes, self._timeout_s = job, recipes, timeout_s
        self._waiting, self._answers = waiting, answers
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="export", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Kill the process and wait for the thread."""
        with self._lock:
            self._stopped.set()
            self._kill()
        if self._thread.ident is not None:
            self._thread.join()
        self._close()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                index = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answer = self._ask(str(self._recipes[index]))
            except Exception as exc:  # the caller waits for one answer per recipe
                answer = Answer(str(self._recipes[index]), f"cannot run an exporting process: {exc}")
            self._answers.put((index, answer))

    def _ask(self, recipe: str) -> Answer:
        process = self._live_process()
        if process is None or process.stdin is None or process.stdout is None:
            return Answer(recipe, "interrupted")
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(self._timeout_s, give_up)
        timer.start()
        try:
            process.stdin.write(json.dumps(recipe) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line:
            return from_json(Answer, json.loads(line))
        process.wait()
        why = f"took longer than {self._timeout_s:g} s" if timed_out.is_set() else _ending(process.returncode)
        return Answer(recipe, f"the exporting process {why}{self._last_words()}")

    def _live_process(self) -> "subprocess.Popen[str] | None":
        with self._lock:
            if self._stopped.is_set():
                return None
            if self._process is None or self._process.poll() is not None:
                self._close()
                self._process = self._spawn()
            return self._process

    def _spawn(self) -> "subprocess.Popen[str]":
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in _close)
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.make.export.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=child_environment(),
            text=True,
            # A terminal's Ctrl-C is for the controller, which then ends its workers.
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(to_json(self._job)) + "\n")
        return process

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _close(self) -> None:
        if self._process is None:
            return
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self._process = None


def _ending(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
