"""An evaluation set on disk: one Ogg/Opus file with all clips one after another, and a NeMo-style manifest."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from orchestrator.make.models.reference.speech import SAMPLE_RATE_HZ

AUDIO_FILE, MANIFEST_FILE = "eval.opus", "manifest.jsonl"
CLIP_GRID = 320
# libsndfile maps 0..1 to 256..6 kbit/s; this is about 24 kbit/s, where Opus is transparent to these features.
COMPRESSION_LEVEL = 0.93


@dataclass(frozen=True)
class Clip:
    """Sound (float32, a multiple of 20 ms long) and what is said in it, by whom, for which split.

    ``events``: what a decoder is to tell, with its times within the clip (``event``).
    """

    sound: NDArray[np.float32]
    text: str
    speaker: str
    accent: str
    split: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.sound) == 0 or len(self.sound) % CLIP_GRID:
            raise ValueError(
                f"a clip must be a multiple of {CLIP_GRID} samples, got {len(self.sound)} for {self.text!r}"
            )


def event(label: str, start_s: float, end_s: float) -> dict[str, Any]:
    """A word and its times within its clip, to the ms, as the manifest has it."""
    return {"label": label, "start_s": round(start_s, 3), "end_s": round(end_s, 3)}


def padded(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """With zeros up to the next multiple of 20 ms."""
    return np.pad(sound, (0, -len(sound) % CLIP_GRID))


def write(folder: Path, clips: list[Clip]) -> None:
    """Write the audio and its manifest into ``folder``."""
    soundfile.write(
        folder / AUDIO_FILE,
        np.concatenate([c.sound for c in clips]),
        SAMPLE_RATE_HZ,
        format="OGG",
        subtype="OPUS",
        compression_level=COMPRESSION_LEVEL,
    )
    (folder / MANIFEST_FILE).write_text(manifest(clips))


def manifest(clips: list[Clip]) -> str:
    """One JSON object a line; follows from the clips alone, whatever the encoder makes of their sound."""
    rows, at = [], 0
    for clip in clips:
        seconds = {"offset": round(at / SAMPLE_RATE_HZ, 2), "duration": round(len(clip.sound) / SAMPLE_RATE_HZ, 2)}
        row = {"audio_filepath": AUDIO_FILE, **seconds, "text": clip.text, "speaker": clip.speaker}
        events = {"events": clip.events} if clip.events else {}
        rows.append(json.dumps({**row, "accent": clip.accent, "split": clip.split, **events}))
        at += len(clip.sound)
    return "\n".join(rows) + "\n"
