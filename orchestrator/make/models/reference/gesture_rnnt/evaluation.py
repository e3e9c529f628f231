"""Make the evaluation set of swipes: ``python -m orchestrator.make.models.reference.gesture_rnnt.evaluation``.

Needs the ``train`` extra for scipy. The set is committed, so this runs only when its definition changes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from agents.touch import SAMPLES_PER_POINT
from orchestrator.make.models.reference.gesture_rnnt.corpus import CHUNK_POINTS, in_chunks, words
from orchestrator.make.models.reference.gesture_rnnt.layout import POINTS_PER_S, SAMPLE_RATE_HZ
from orchestrator.make.models.reference.gesture_rnnt.traces import draw_user, swipe

FOLDER = Path(__file__).parent
TRACES_FILE, MANIFEST_FILE = "eval.flac", "manifest.jsonl"
# Words of the lexicon that never train; and words that do, by users who do not.
COUNTS = {"test": ("test", 300), "calibration": ("train", 60)}
WORDS_OF_A_USER = 10


@dataclass(frozen=True)
class Trace:
    """``samples`` in whole chunks; the finger touches from ``begin_s`` to ``end_s``."""

    samples: NDArray[np.int16]
    word: str
    user: str
    split: str
    begin_s: float
    end_s: float


def traces(rng: np.random.Generator, split: str, of_words: str, count: int) -> list[Trace]:
    """``count`` different words, each as likely as another, ten from each user."""
    known = words(of_words)
    found, user = [], draw_user(rng)
    for index, chosen in enumerate(rng.choice(len(known), size=count, replace=False).tolist()):
        if index % WORDS_OF_A_USER == 0:
            user = draw_user(rng)
        lead = int(rng.integers(CHUNK_POINTS))
        samples = swipe(known[chosen], user, rng)
        end = lead + len(samples) // SAMPLES_PER_POINT
        name = f"{split}-user-{index // WORDS_OF_A_USER}"
        found.append(
            Trace(in_chunks(samples, lead), known[chosen], name, split, lead / POINTS_PER_S, end / POINTS_PER_S)
        )
    return found


def make(seed: int = 5) -> list[Trace]:
    """All traces of the set."""
    rng = np.random.default_rng(seed)
    return [trace for split, (of, count) in COUNTS.items() for trace in traces(rng, split, of, count)]


def manifest(found: list[Trace]) -> str:
    """One JSON object a line."""
    rows, at = [], 0
    for trace in found:
        event = {"label": trace.word, "start_s": round(trace.begin_s, 2), "end_s": round(trace.end_s, 2)}
        row = {
            "audio_filepath": TRACES_FILE,
            "offset": round(at / SAMPLE_RATE_HZ, 2),
            "duration": round(len(trace.samples) / SAMPLE_RATE_HZ, 2),
            "text": trace.word,
            "speaker": trace.user,
            "split": trace.split,
            "events": [event],
        }
        rows.append(json.dumps(row))
        at += len(trace.samples)
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    made = make()
    soundfile.write(FOLDER / TRACES_FILE, np.concatenate([t.samples for t in made]), SAMPLE_RATE_HZ, subtype="PCM_16")
    (FOLDER / MANIFEST_FILE).write_text(manifest(made))
