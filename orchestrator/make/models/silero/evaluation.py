"""The evaluation set of a voice activity detector, from the audio of the reference models: where speech is in it.

    python -m orchestrator.make.models.silero.evaluation

Neighbouring clips of one word, of noise alone and strings of digits become streams of some seconds; the events of their
manifests say where the words are. Clips of other words, of which no manifest says when they begin, are left out.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.make.models import reference

MANIFEST = Path(__file__).parent / "manifest.jsonl"
# Without an event, but not without speech.
_UNTOLD = "unknown"
# Clips of a stream: as many seconds of words, about as many of digit strings.
_CLIPS = {"kws": 8, "digits-lstm": 3}
# Words nearer to each other than this are one piece of speech: detectors are made to bridge such gaps.
JOINED_S = 0.2

Row = dict[str, Any]


def rows() -> Iterator[Row]:
    """Lines of the manifest, in the order of the reference models' own."""
    for model, most in _CLIPS.items():
        manifest = reference.manifest_path(model)
        clips = [json.loads(line) for line in manifest.read_text().splitlines()]
        for stream in _streams([c for c in clips if c["split"] != "track"], most):
            events = _joined(stream)
            if events:
                yield _row(manifest, stream, events)


def _streams(clips: list[Row], most: int) -> Iterator[list[Row]]:
    """At most ``most`` clips, each of which begins where the one before ends."""
    stream: list[Row] = []
    for clip in clips:
        follows = stream and clip["split"] == stream[-1]["split"] and abs(_end_s(stream[-1]) - clip["offset"]) < 1e-6
        if stream and (not follows or len(stream) == most or clip["text"] == _UNTOLD):
            yield stream
            stream = []
        if clip["text"] != _UNTOLD:
            stream.append(clip)
    if stream:
        yield stream


def _end_s(clip: Row) -> float:
    return float(clip["offset"] + clip["duration"])


def _joined(stream: list[Row]) -> list[Row]:
    """Where speech is in the stream, in seconds from its start."""
    found: list[Row] = []
    for clip in stream:
        shift_s = clip["offset"] - stream[0]["offset"]
        for event in clip.get("events", ()):
            begin, end = round(event["start_s"] + shift_s, 3), round(event["end_s"] + shift_s, 3)
            if found and begin - found[-1]["end_s"] < JOINED_S:
                found[-1]["end_s"] = end
            else:
                found.append({"label": "speech", "start_s": begin, "end_s": end})
    return found


def _row(manifest: Path, stream: list[Row], events: list[Row]) -> Row:
    first = stream[0]
    return {
        "audio_filepath": os.path.relpath(manifest.parent / first["audio_filepath"], MANIFEST.parent),
        "offset": first["offset"],
        "duration": round(_end_s(stream[-1]) - first["offset"], 3),
        "split": first["split"],
        "events": events,
    }


def text() -> str:
    """The whole manifest."""
    return "".join(json.dumps(row) + "\n" for row in rows())


if __name__ == "__main__":
    MANIFEST.write_text(text())
