"""Make the keyword spotter's evaluation set: ``python -m orchestrator.make.models.reference.kws.evaluation``.

Needs espeak-ng. The set is committed, so this runs only when its definition changes; see ../README.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.make.models.reference import clips, speech
from orchestrator.make.models.reference.augment import Conditions, Surroundings
from orchestrator.make.models.reference.kws import words

FOLDER = Path(__file__).parent
CLIP_SAMPLES = 16_000
# A word ends at least this long before its clip does: its label may come up to a quarter of a second late.
TAIL_SAMPLES = 4_200
TEST_PER_LABEL, CALIBRATION_PER_LABEL = 34, 5
SCENES, SCENE_S = 24, 20
CONDITIONS = Conditions(snr_db=(5.0, 30.0))


@dataclass(frozen=True)
class Voices:
    """The voices of one split and the words that are no keywords in it."""

    split: str
    accents: tuple[str, ...]
    speakers: tuple[str, ...]
    others: tuple[str, ...]


TEST = Voices("test", speech.TEST_ACCENTS, speech.TEST_SPEAKERS, words.TEST_OTHERS)
CALIBRATION = Voices("calibration", speech.TRAIN_ACCENTS, speech.TRAIN_SPEAKERS, words.TRAIN_OTHERS)


class Maker:
    """Draws and synthesizes what the set needs, from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def surroundings(self, voices: Voices) -> Surroundings:
        """Rooms and noise; the babble is of ``voices``."""
        texts = [*words.KEYWORDS, *voices.others] * 4
        spoken = [speech.draw(self.rng, t, voices.accents, voices.speakers, (0, 0)) for t in texts]
        return Surroundings(self.rng, speech.corpus(spoken))

    def word(self, text: str, voices: Voices, longest: int) -> tuple[speech.Utterance, NDArray[np.float32]]:
        """``text`` by a random voice, at most ``longest`` samples."""
        while True:
            utterance = speech.draw(self.rng, text, voices.accents, voices.speakers, (0, 3))
            sound = speech.synthesize(utterance)
            if len(sound) <= longest:
                return utterance, sound

    def one_second(self, voices: Voices, per_label: int) -> list[clips.Clip]:
        """``per_label`` one-second clips of every label, in random order."""
        around = self.surroundings(voices)
        labels = [label for label in words.LABELS for _ in range(per_label)]
        return [self._clip(labels[i], voices, around) for i in self.rng.permutation(len(labels))]

    def _clip(self, label: str, voices: Voices, around: Surroundings) -> clips.Clip:
        sound, speaker, accent = np.zeros(CLIP_SAMPLES, dtype=np.float32), "nobody", "none"
        events = []
        if label != "silence":
            text = str(self.rng.choice(voices.others)) if label == "unknown" else label
            utterance, spoken = self.word(text, voices, CLIP_SAMPLES - TAIL_SAMPLES)
            at = int(self.rng.integers(0, CLIP_SAMPLES - TAIL_SAMPLES - len(spoken) + 1))
            sound[at : at + len(spoken)] = spoken
            speaker, accent = utterance.speaker, utterance.accent
            if label != "unknown":
                events = [clips.event(label, at / speech.SAMPLE_RATE_HZ, (at + len(spoken)) / speech.SAMPLE_RATE_HZ)]
        return clips.Clip(around.place(self.rng, sound, CONDITIONS), label, speaker, accent, voices.split, events)

    def track(self, voices: Voices) -> clips.Clip:
        """Scenes of one voice each in one room each: sentences and other words, and a keyword now and then."""
        around = self.surroundings(voices)
        sounds: list[NDArray[np.float32]] = []
        events: list[dict[str, Any]] = []
        for scene in range(SCENES):
            sound, spoken = self._scene(voices)
            sounds.append(around.place(self.rng, sound, CONDITIONS))
            before_s = scene * SCENE_S
            events += [clips.event(label, before_s + start_s, before_s + end_s) for label, start_s, end_s in spoken]
        text = " ".join(e["label"] for e in events)
        return clips.Clip(np.concatenate(sounds), text, "several", "several", "track", events)

    def _scene(self, voices: Voices) -> tuple[NDArray[np.float32], list[tuple[str, float, float]]]:
        rate = speech.SAMPLE_RATE_HZ
        sound = np.zeros(SCENE_S * rate, dtype=np.float32)
        spoken: list[tuple[str, float, float]] = []
        one = Voices(
            voices.split, (str(self.rng.choice(voices.accents)),), (str(self.rng.choice(voices.speakers)),), ()
        )
        at = int(self.rng.integers(0, rate))
        while True:
            kind = str(self.rng.choice(["keyword", "other", "sentence"], p=[0.5, 0.2, 0.3]))
            choices = {"keyword": words.KEYWORDS, "other": voices.others, "sentence": words.TEST_SENTENCES}[kind]
            text = str(self.rng.choice(choices))
            _, piece = self.word(text, one, SCENE_S * rate)
            if at + len(piece) + rate > len(sound):
                return sound, spoken
            sound[at : at + len(piece)] = piece
            if kind == "keyword":
                spoken.append((text, at / rate, (at + len(piece)) / rate))
            at += len(piece) + int(self.rng.uniform(0.4, 1.5) * rate)


def make(seed: int = 11) -> list[clips.Clip]:
    """All clips of the set."""
    maker = Maker(seed)
    return [
        *maker.one_second(TEST, TEST_PER_LABEL),
        *maker.one_second(CALIBRATION, CALIBRATION_PER_LABEL),
        maker.track(TEST),
    ]


if __name__ == "__main__":
    clips.write(FOLDER, make())
