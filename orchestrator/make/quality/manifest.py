"""The manifest of an evaluation set, NeMo style: one JSON object a line.

``{"audio_filepath": "a.wav", "offset": 0.5, "duration": 1.0, "text": "stop", "speaker": "f4", "split": "test"}``

``audio_filepath`` is relative to the manifest. ``offset`` (0) and ``duration`` (to the end) are in seconds. ``split``
is test (the default), calibration or track. ``events`` are what a decoder is to tell, [{"label", "start_s", "end_s"},
...] from the piece's start: the keywords of a track, without which it has no score, and elsewhere the words whose
latency, as a user perceives it, is to be measured.
NeMo's manifests are read as they are: a classifier's ``label`` or ``command`` is its text.
Other keys, of other tools, are left alone, unless they look like a slip of one of these.
"""

import difflib
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.errors import BadAudio
from orchestrator.make.quality.metrics import Spoken

SPLITS = ("test", "calibration", "track")
_KEYS = ("audio_filepath", "offset", "duration", "text", "speaker", "split", "events")
# What NeMo calls the class of a recording.
_LABEL_KEYS = ("label", "command")
_EVENT_KEYS = ("label", "start_s", "end_s")

Problems = list[tuple[int, str]]


@dataclass(frozen=True)
class Line:
    """A line that is right in itself. ``id`` is its place in the recordings, the same in every run."""

    number: int
    audio_filepath: str
    offset_s: float
    duration_s: float | None
    text: str | None
    speaker: str | None
    split: str
    events: tuple[Spoken, ...]

    @property
    def id(self) -> str:
        if self.offset_s == 0 and self.duration_s is None:
            return self.audio_filepath
        length = "" if self.duration_s is None else f"+{self.duration_s:g}"
        return f"{self.audio_filepath}@{self.offset_s:g}{length}"


class _Wrong(Exception):
    """A line's problem, in words."""


def read_manifest(path: Path) -> tuple[list[Line], Problems]:
    """The lines that are right, and (line number, problem) of those that are not.

    Raises BadAudio where there is no manifest, it is not text, or it has no lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise BadAudio(f"there is no evaluation manifest {path}", hint="check the path") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise BadAudio(f"the evaluation manifest {path} cannot be read: {exc}", hint="it must be UTF-8 text") from exc
    lines: list[Line] = []
    problems: Problems = []
    first_of: dict[tuple[str, str], int] = {}
    for number, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            line = _line(number, _object(content))
            if (first := first_of.setdefault((line.id, line.split), number)) != number:
                raise _Wrong(f"the same piece of {line.audio_filepath} as line {first}")
            lines.append(line)
        except _Wrong as exc:
            problems.append((number, str(exc)))
    if not lines and not problems:
        raise BadAudio(f"the evaluation manifest {path} has no lines", hint="write one JSON object per utterance")
    return lines, problems


def _object(content: str) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except json.JSONDecodeError as exc:
        raise _Wrong(f"not JSON: {exc.msg} at character {exc.pos + 1}") from exc
    if not isinstance(data, dict):
        raise _Wrong(f"must be a JSON object, got {content.strip()[:40]}")
    for key in data:
        meant = _meant(key)
        if meant is not None and meant not in data:
            raise _Wrong(f"unknown key {key!r}, is {meant!r} meant?")
    return data


@cache
def _meant(key: str) -> str | None:
    """The known key that this unknown one may be. Kept, because every line of a manifest has the same keys."""
    near = [] if key in _KEYS else difflib.get_close_matches(key, _KEYS, n=1, cutoff=0.8)
    return near[0] if near else None


def _line(number: int, data: dict[str, Any]) -> Line:
    path = _text(data, "audio_filepath")
    if not path:
        raise _Wrong("lacks audio_filepath")
    offset_s, duration_s = _seconds(data, "offset"), _seconds(data, "duration")
    if duration_s == 0:
        raise _Wrong("duration must be > 0 s, got 0")
    split = data.get("split", "test")
    if split not in SPLITS:
        raise _Wrong(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    events = _events(data.get("events", []), duration_s)
    return Line(number, path, offset_s or 0.0, duration_s, _said(data), _text(data, "speaker"), split, events)


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise _Wrong(f"{key} must be text, got {value!r}")
    return value


def _said(data: dict[str, Any]) -> str | None:
    found = (_text(data, key) for key in ("text", *_LABEL_KEYS))
    return next((text for text in found if text is not None), None)


def _seconds(data: dict[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise _Wrong(f"{key} must be seconds >= 0, got {value!r}")
    return float(value)


def _events(data: Any, duration_s: float | None) -> tuple[Spoken, ...]:
    if not isinstance(data, list):
        raise _Wrong(f"events must be a list, got {data!r}")
    return tuple(_event(event, duration_s) for event in data)


def _event(data: Any, duration_s: float | None) -> Spoken:
    if not isinstance(data, dict) or set(data) != set(_EVENT_KEYS):
        raise _Wrong(f"an event has {', '.join(_EVENT_KEYS)}, got {data!r}")
    label, start_s, end_s = _text(data, "label"), _seconds(data, "start_s"), _seconds(data, "end_s")
    if not label or start_s is None or end_s is None or start_s >= end_s:
        raise _Wrong(f"an event has a label and start_s < end_s, got {data!r}")
    if duration_s is not None and end_s > duration_s:
        raise _Wrong(f"an event must end within {duration_s} s, got {data!r}")
    return Spoken(label, start_s, end_s)
