"""Evaluation sets: what is said where in which recording, as one piece of PCM and what belongs to each part of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.errors import BadAudio
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.decoded import decoded
from orchestrator.make.quality.manifest import SPLITS, Line, read_manifest
from orchestrator.make.quality.metrics import Spoken

# Durations in manifests are rounded, often to 10 ms: an end this much past the recording's is taken as its end.
_SLACK_S = 0.011


@dataclass(frozen=True)
class Utterance:
    """A stream of its own. ``span`` lies in the set's ``pcm``; ``text`` is a keyword, a sentence, or None.

    ``events`` are the words that a decoder is to tell, in seconds from the utterance's start.
    """

    id: str
    split: str
    span: wire.Span
    text: str | None = None
    speaker: str | None = None
    events: tuple[Spoken, ...] = ()


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """``samples_all`` is int16 PCM of all utterances in the manifest's order, shape (n,).

    ``sha256`` covers the decoded PCM and the manifest: two scores with the same one were computed on the same sounds
    and the same references. A lossy file that another decoder version reads otherwise has another hash, rightly.
    """

    sample_rate_hz: int
    utterances: tuple[Utterance, ...]
    samples_all: NDArray[np.int16]
    sha256: str

    def utterances_of(self, split: str) -> tuple[Utterance, ...]:
        return tuple(u for u in self.utterances if u.split == split)

    def samples(self, utterance: Utterance) -> NDArray[np.int16]:
        """int16, shape (span.count,): a view."""
        return self.samples_all[utterance.span.start : utterance.span.start + utterance.span.count]

    def duration_s(self, split: str) -> float:
        return sum(u.span.count for u in self.utterances_of(split)) / self.sample_rate_hz

    def pcm(self, split: str) -> NDArray[np.int16]:
        """The utterances of a split one after another. Raises BadAudio where it has none."""
        found = self.utterances_of(split)
        if not found:
            held = ", ".join(s for s in SPLITS if self.utterances_of(s))
            raise BadAudio(f"the evaluation set has no utterance of split {split}, it has {held}")
        return np.concatenate([self.samples(u) for u in found])

    def spans(self, split: str) -> tuple[wire.Span, ...]:
        """Where each utterance of a split lies in ``pcm(split)``."""
        counts = [u.span.count for u in self.utterances_of(split)]
        ends = accumulate(counts)
        return tuple(wire.Span(end - count, count) for end, count in zip(ends, counts, strict=True))

    def wav(self, split: str, folder: Path) -> tuple[Path, wire.Blob, tuple[wire.Span, ...]]:
        """``pcm(split)`` as a file for devices, and the spans for mode evaluate. Raises BadAudio for an empty split."""
        path = folder / f"{split}-{self.sha256[:16]}.wav"
        return path, write_wav(path, self.pcm(split), self.sample_rate_hz), self.spans(split)


def load_evaluation(
    manifest_path: Path,
    sample_rate_hz: int,
    decoded_dir: Path | None = None,
    elsewhere: Mapping[str, Path] = MappingProxyType({}),
) -> EvaluationSet:
    """Reads the manifest and decodes each recording once; with ``decoded_dir`` once for ever. ``elsewhere``: where
    recordings lie that are not where the manifest says, by what it calls them.

    Raises BadAudio that lists every line with a problem.
    """
    lines, problems = read_manifest(manifest_path)
    places = {line.audio_filepath: manifest_path.parent / line.audio_filepath for line in lines} | dict(elsewhere)
    recordings = _recordings(places, lines, sample_rate_hz, problems, decoded_dir)
    cut = [_piece(line, recordings, sample_rate_hz, problems) for line in lines]
    if problems:
        listed = "\n".join(f"  line {number}: {problem}" for number, problem in sorted(problems))
        raise BadAudio(
            f"the evaluation manifest {manifest_path} has {_count(len(problems), 'problem')}:\n{listed}",
            hint='a line is like {"audio_filepath": "a.wav", "duration": 1.0, "text": "stop", "split": "test"}',
        )
    pieces = [piece for piece in cut if piece is not None]
    samples = np.concatenate(pieces)
    digest = hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes())
    digest.update(manifest_path.read_bytes())
    return EvaluationSet(sample_rate_hz, _utterances(lines, pieces), samples, digest.hexdigest())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _recordings(
    places: Mapping[str, Path],
    lines: Sequence[Line],
    sample_rate_hz: int,
    problems: list[tuple[int, str]],
    decoded_dir: Path | None,
) -> dict[str, NDArray[np.int16]]:
    """Each one decoded once; one that cannot be used is told at the first line that names it."""
    found: dict[str, NDArray[np.int16]] = {}
    tried: set[str] = set()
    for line in lines:
        if line.audio_filepath in tried:
            continue
        tried.add(line.audio_filepath)
        try:
            found[line.audio_filepath] = decoded(places[line.audio_filepath], sample_rate_hz, decoded_dir)
        except BadAudio as exc:
            problems.append((line.number, f"{exc.message} ({exc.hint})"))
    return found


def _piece(
    line: Line, recordings: dict[str, NDArray[np.int16]], sample_rate_hz: int, problems: list[tuple[int, str]]
) -> NDArray[np.int16] | None:
    recording = recordings.get(line.audio_filepath)
    if recording is None:
        return None
    start = round(line.offset_s * sample_rate_hz)
    end = len(recording) if line.duration_s is None else start + round(line.duration_s * sample_rate_hz)
    if start >= len(recording) or end > len(recording) + _SLACK_S * sample_rate_hz:
        length_s, end_s = len(recording) / sample_rate_hz, max(start, end) / sample_rate_hz
        problems.append((line.number, f"it ends at {end_s:.2f} s, {line.audio_filepath} at {length_s:.2f} s"))
        return None
    piece = recording[start:end]
    if not len(piece):
        problems.append((line.number, f"a duration of {line.duration_s} s holds no sample"))
        return None
    return piece


def _utterances(lines: Sequence[Line], pieces: Sequence[NDArray[np.int16]]) -> tuple[Utterance, ...]:
    utterances, start = [], 0
    for line, piece in zip(lines, pieces, strict=True):
        span = wire.Span(start, len(piece))
        utterances.append(Utterance(line.id, line.split, span, line.text, line.speaker, line.events))
        start += len(piece)
    return tuple(utterances)
