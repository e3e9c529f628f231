"""When each word of a synthesized utterance begins and ends. Needs espeak-ng and its library, as training does.

The library says where each word begins. A word ends with its last loud sample before the next one begins, by the rule
that trims an utterance (``speech.trim``): a pause belongs to no word.
"""

import json
import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from orchestrator.make.models.reference import espeak_words
from orchestrator.make.models.reference.speech import (
    ESPEAK_RATE_HZ,
    MARGIN_SAMPLES,
    SAMPLE_RATE_HZ,
    SynthesisFailed,
    Utterance,
    loud_samples,
    synthesize_whole,
)

# The library and the program differ by a sample where a sound has noise in it; words are told to the ms.
_SAME_SAMPLES = ESPEAK_RATE_HZ // 1000


def word_times(utterance: Utterance) -> list[tuple[str, int, int]]:
    """(word, first sample, sample after the last) in ``speech.synthesize(utterance)``. Raises SynthesisFailed."""
    words = utterance.text.split()
    *starts, count = _told(utterance)
    whole, raw_count = synthesize_whole(utterance)
    if abs(count - raw_count) > _SAME_SAMPLES or len(starts) != len(words):
        raise SynthesisFailed(f"libespeak-ng told {len(starts)} words in {count} samples of {utterance}")
    loud = loud_samples(whole)
    begins = [round(start * SAMPLE_RATE_HZ / ESPEAK_RATE_HZ) for start in starts]
    first = max(0, int(loud[0]) - MARGIN_SAMPLES)
    return [
        (word, max(begin, first) - first, _end(loud, begin, until) - first)
        for word, begin, until in zip(words, begins, [*begins[1:], len(whole)], strict=True)
    ]


def _told(utterance: Utterance) -> list[int]:
    voice = f"{utterance.accent}+{utterance.speaker}"
    numbers = (utterance.speed_wpm, utterance.pitch, utterance.word_gap)
    argv = [sys.executable, espeak_words.__file__, voice, *map(str, numbers), utterance.text]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=60, check=True)
    except subprocess.SubprocessError as exc:
        raise SynthesisFailed(f"libespeak-ng failed on {utterance}: {exc}") from exc
    told: list[int] = json.loads(done.stdout)
    return told


def _end(loud: NDArray[np.int64], begin: int, until: int) -> int:
    own = loud[(loud >= begin) & (loud < until)]
    if not len(own):
        raise SynthesisFailed(f"a word between samples {begin} and {until} has no sound")
    return min(int(own[-1]) + MARGIN_SAMPLES, until)
