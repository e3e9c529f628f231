"""``earshot drift``: how far an artifact's states wander from those of its fp32 source, and what resets do about it."""

import hashlib
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.domain.recipe import Recipe
from orchestrator.domain.state_drift import FREE_RUNNING, VERDICTS, DriftReport, LengthScore
from orchestrator.errors import BadInput
from orchestrator.ledger.drifts import record_drift
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.export.module_graphs import main_graph
from orchestrator.make.export.stored import open_for
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import Runnable, chunk_inputs
from orchestrator.make.quality.drift_figures import figures
from orchestrator.make.quality.drift_length import SCORED, LengthPlan, Silence, score_lengths, usual_lengths
from orchestrator.make.quality.drift_silence import resets_in_silence, silence_level
from orchestrator.make.quality.drift_stream import MAX_ABS, DriftSeries, measure_drift
from orchestrator.make.quality.evaluation import EvaluationSet
from orchestrator.measure.transports.base import whole_file
from orchestrator.tell.report.drift_page import render_drift
from orchestrator.tell.report.page import write_page
from orchestrator.workflows.drift_artifact import Compared, find_compared
from orchestrator.workflows.drift_audio import SPLIT, LoopedAudio, looped_audio, spread
from orchestrator.workflows.drift_words import further, sentence
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.settings import require_duration, require_results

_MODEL_NAME_ROOM = 100


@dataclass(frozen=True)
class DriftSettings:
    """``what``: a model (then ``recipe`` makes the artifact), the SHA-256 of an artifact, or its file. ``against``: the
    model that a file was made of; None: the one that its contract names. ``tolerance``: a share of the peak of each
    tensor. ``silence_ms`` of silence set the state anew. ``lengths`` in utterances; empty: Earshot's choice.
    """

    what: str
    recipe: Recipe
    against: str | None = None
    minutes: float = 10.0
    audio: Path | None = None
    tolerance: float = 0.1
    silence_ms: float = 300.0
    lengths: tuple[int, ...] = ()
    results: Path = Path("earshot-results")

    def __post_init__(self) -> None:
        for name in ("minutes", "tolerance", "silence_ms"):
            require_duration(name, getattr(self, name))
        if any(length < 1 for length in self.lengths):
            raise BadInput(f"lengths must be > 0, got {', '.join(map(str, self.lengths))}")


@dataclass(frozen=True)
class DriftDone:
    report: DriftReport
    page: Path


def measure_state_drift(settings: DriftSettings, progress: Progress) -> DriftDone:
    """Streams, scores, and writes ``drift/<sha256>.npz``, a row of the ledger and the page into the results folder.

    Raises BadInput, NotAStream for a graph without state, ExportFailed.
    """
    require_results(settings.results)
    compared = find_compared(settings.what, settings.recipe, settings.against, settings.results, progress)
    contract = compared.prepared.source.contract
    audio = looped_audio(compared.prepared, settings.audio, settings.minutes)
    graph = main_graph(compared.prepared.source, settings.results / "artifacts")
    source = open_for(graph, contract, compared.prepared.source.name)
    artifact = open_for(compared.path, contract, compared.label)
    silence = Silence(
        silence_level(audio.loop, contract.chunk_samples),
        max(1, round(settings.silence_ms / 1000 / contract.chunk_s())),
    )
    series, resets = _stream(compared, audio, source, artifact, silence, progress)
    absent = {} if resets else {"resets": f"the audio holds no silence of {settings.silence_ms:g} ms to reset in"}
    plan = _length_plan(compared, settings, silence, absent)
    lengths: tuple[LengthScore, ...] = ()
    if plan is not None:
        progress.stage("scoring by length", steps=len(plan.lengths))
        lengths = score_lengths(plan, source, artifact, 0, lambda n: progress.step(f"{n} utterances a stream"))
    report = _report(settings, compared, audio, series, resets, lengths, absent)
    page = settings.results / f"drift-{_file_name(report.model, report.artifact)}.html"
    with Ledger.open(settings.results / "ledger.db") as ledger:
        record_drift(ledger, report)
    write_page(page, render_drift(report, {way: error[:, :, MAX_ABS] for way, error in series.error.items()}))
    return DriftDone(report, page)


def _stream(
    compared: Compared,
    audio: LoopedAudio,
    source: Runnable,
    artifact: Runnable,
    silence: Silence,
    progress: Progress,
) -> tuple[DriftSeries, int]:
    """The series, and how often the state was set anew."""
    contract = compared.prepared.source.contract
    samples = audio.samples()
    resets = resets_in_silence(samples, contract.chunk_samples, silence.level, silence.least_chunks)
    progress.stage(f"streaming {audio.chunks * contract.chunk_s() / 60:.1f} min", steps=audio.loops)

    def on_chunk(k: int) -> None:
        if k % audio.per_loop == 0:
            progress.step(f"loop {k // audio.per_loop + 1}")

    inputs = chunk_inputs(contract, samples, contract.chunk_samples)
    wanted = resets if resets.any() else None
    return measure_drift(source, artifact, contract, inputs, audio.chunks, wanted, on_chunk), int(resets.sum())


def _length_plan(
    compared: Compared, settings: DriftSettings, silence: Silence, absent: dict[str, str]
) -> LengthPlan | None:
    """None, with the reason in ``absent``, where the task has no metric or nothing to score."""
    prepared = compared.prepared
    source, evaluation = prepared.source, prepared.evaluation
    if source.metric is None:
        absent["lengths"] = f"{source.name} has no decoder, so that its outputs mean nothing that could be scored"
    elif source.metric not in SCORED:
        absent["lengths"] = f"errors by length are of labels and words; {source.name} is scored by {source.metric}"
    elif source.contract.search is not None:
        absent["lengths"] = f"the words of {source.name} come of a search with its second graph; drift asks the first"
    elif evaluation is None or not evaluation.utterances_of(SPLIT):
        absent["lengths"] = f"{source.name} has no evaluation set with a split {SPLIT}"
    elif any(not (u.text or "").split() for u in evaluation.utterances_of(SPLIT)):
        absent["lengths"] = "utterances of the evaluation set have no text"
    elif source.metric == "accuracy" and not _labelled(source, evaluation):
        absent["lengths"] = f"texts of the evaluation set are no labels of {source.name}"
    else:
        limit = round(settings.minutes * 60 * source.contract.sample_rate_hz)
        utterances = tuple(spread(evaluation, limit))
        lengths = tuple(sorted({min(n, len(utterances)) for n in settings.lengths})) or usual_lengths(len(utterances))
        return LengthPlan(source.contract, evaluation, utterances, lengths, None if "resets" in absent else silence)
    return None


def _labelled(source: ModelSource, evaluation: EvaluationSet) -> bool:
    return {u.text for u in evaluation.utterances_of(SPLIT)} <= set(source.contract.decoder.labels)


def _report(
    settings: DriftSettings,
    compared: Compared,
    audio: LoopedAudio,
    series: DriftSeries,
    resets: int,
    lengths: tuple[LengthScore, ...],
    absent: dict[str, str],
) -> DriftReport:
    source = compared.prepared.source
    chunk_s = source.contract.chunk_s()
    tensors = figures(series, chunk_s, audio.per_loop, settings.tolerance)
    free = [t for t in tensors if t.way == FREE_RUNNING]
    report = DriftReport(
        model=source.name,
        artifact=compared.label,
        artifact_sha256=compared.sha256,
        source_sha256=source.sha256,
        seconds=audio.chunks * chunk_s,
        chunk_s=chunk_s,
        loop_s=audio.per_loop * chunk_s,
        resets=resets,
        verdict=max((t.verdict for t in free), key=VERDICTS.index),
        sentence="",
        further=(),
        tensors=tensors,
        metric=source.metric if lengths else None,
        lengths=lengths,
        absent=absent,
        series=_keep(series, settings.results),
    )
    return replace(report, sentence=sentence(report), further=further(report))


def _keep(series: DriftSeries, results: Path) -> str:
    """The raw arrays as a file named by its content; its path within ``results``."""
    content = io.BytesIO()
    arrays: dict[str, Any] = dict(series.arrays())
    np.savez_compressed(content, **arrays)
    name = f"drift/{hashlib.sha256(content.getvalue()).hexdigest()}.npz"
    path = results / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(content.getvalue())
    return name


def _file_name(model: str, artifact: str) -> str:
    """``kws``, ``onnx:int8-dynamic`` -> ``kws-onnx-int8-dynamic``; a long one is cut, with a hash of the whole."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", f"{model}-{artifact}").strip("-")
    if len(plain) <= _MODEL_NAME_ROOM:
        return plain
    return f"{plain[:_MODEL_NAME_ROOM]}-{hashlib.sha256(artifact.encode()).hexdigest()[:8]}"
