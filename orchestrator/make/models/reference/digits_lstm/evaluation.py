"""Make the digit recognizer's evaluation set: ``python -m orchestrator.make.models.reference.digits_lstm.evaluation``.

Needs espeak-ng. The set is committed, so this runs only when its definition changes; see ../README.md.
"""

from pathlib import Path

import numpy as np

from orchestrator.make.models.reference import clips, speech
from orchestrator.make.models.reference.augment import Conditions, Surroundings
from orchestrator.make.models.reference.digits_lstm.corpora import PAUSES, digit_string
from orchestrator.make.models.reference.word_times import word_times

FOLDER = Path(__file__).parent
TEST_STRINGS, CALIBRATION_STRINGS = 120, 40
DIGITS_IN_STRING = (3, 7)
LEAD_S, TAIL_S = (0.1, 0.5), 0.4
CONDITIONS = Conditions(snr_db=(5.0, 30.0))


def strings(
    rng: np.random.Generator, split: str, count: int, accents: tuple[str, ...], speakers: tuple[str, ...]
) -> list[clips.Clip]:
    """``count`` strings of 3 to 7 digits by random voices, each in its own room and noise."""
    texts = [digit_string(rng, *DIGITS_IN_STRING) for _ in range(count)]
    corpus = speech.corpus([speech.draw(rng, t, accents, speakers, PAUSES) for t in texts])
    around = Surroundings(rng, corpus)
    made = []
    for index, utterance in enumerate(corpus.utterances):
        lead, tail = (int(s * speech.SAMPLE_RATE_HZ) for s in (rng.uniform(*LEAD_S), TAIL_S))
        sound = clips.padded(np.pad(corpus.audio(index), (lead, tail)))
        sound = around.place(rng, sound, CONDITIONS)
        rate = speech.SAMPLE_RATE_HZ
        times = [(word, (lead + begin) / rate, (lead + end) / rate) for word, begin, end in word_times(utterance)]
        events = [clips.event(*time) for time in times]
        made.append(clips.Clip(sound, utterance.text, utterance.speaker, utterance.accent, split, events))
    return made


def make(seed: int = 12) -> list[clips.Clip]:
    """All clips of the set."""
    rng = np.random.default_rng(seed)
    return [
        *strings(rng, "test", TEST_STRINGS, speech.TEST_ACCENTS, speech.TEST_SPEAKERS),
        *strings(rng, "calibration", CALIBRATION_STRINGS, speech.TRAIN_ACCENTS, speech.TRAIN_SPEAKERS),
    ]


if __name__ == "__main__":
    clips.write(FOLDER, make())
