"""What turns the graph's first output into events, where that needs no second graph."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Heard:
    """``frame``: index of the output frame in the stream. ``words``: where words are ranked, the best first, each with
    its share of the probability."""

    label: str
    frame: int
    score: float
    words: tuple[tuple[str, float], ...] = ()


class Decoder(Protocol):
    """Takes the graph's first output, a row for each frame."""

    ended: bool
    """An input was at rest or came to rest: graph and front end begin anew with the next chunk."""

    def push(self, rows: NDArray[Any]) -> list[Heard]: ...

    def finish(self) -> list[Heard]:
        """What was still open at the end of the stream."""
        ...


class Frames:
    """Counts frames; nothing stays open."""

    ended = False

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.frame = 0

    def push(self, rows: NDArray[Any]) -> list[Heard]:
        found = []
        for row in rows:
            found += self.take(row)
            self.frame += 1
        return found

    def take(self, row: NDArray[Any]) -> list[Heard]:
        """For a model whose output is not events: read ``Stream.outputs``."""
        return []

    def finish(self) -> list[Heard]:
        return []


class Keywords(Frames):
    """Posteriors averaged over the last frames; a label fires where its average reaches the threshold."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.last: deque[NDArray[Any]] = deque(maxlen=spec["smooth_frames"])
        self.quiet_until: dict[str, int] = {}

    def take(self, row: NDArray[Any]) -> list[Heard]:
        found = []
        posterior = np.exp(row - row.max())
        self.last.append(posterior / posterior.sum())
        smoothed = sum(self.last) / self.spec["smooth_frames"]
        for label, score in zip(self.spec["labels"], smoothed, strict=True):
            fires = label not in self.spec["ignored"] and score >= self.spec["threshold"]
            if fires and self.frame >= self.quiet_until.get(label, 0):
                self.quiet_until[label] = self.frame + self.spec["refractory_frames"]
                found.append(Heard(label, self.frame, float(score)))
        return found


class GreedyCtc(Frames):
    """The best class of each frame, repeats merged, blanks dropped."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.last = spec["blank"]

    def take(self, row: NDArray[Any]) -> list[Heard]:
        best, last = int(row.argmax()), self.last
        self.last = best
        if best in (last, self.spec["blank"]):
            return []
        return [Heard(self.spec["labels"][best], self.frame, float(1 / np.exp(row - row[best]).sum()))]


class VoiceActivity(Frames):
    """Rows are a probability of speech. It begins at ``threshold`` and has ended after ``refractory_frames`` frames in
    a row below ``release``; scores are those of the first frame that said so."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.speaking = False
        self.quiet: tuple[int, float] | None = None

    def take(self, row: NDArray[Any]) -> list[Heard]:
        speech, silence = self.spec["labels"]
        probability = float(row.item())
        if not self.speaking:
            self.speaking = probability >= self.spec["threshold"]
            return [Heard(speech, self.frame, probability)] if self.speaking else []
        if probability >= self.spec["release"]:
            self.quiet = None
            return []
        since, score = self.quiet = self.quiet or (self.frame, 1.0 - probability)
        if self.frame - since + 1 < self.spec["refractory_frames"]:
            return []
        self.speaking, self.quiet = False, None
        return [Heard(silence, self.frame, score)]
