"""Keyword spotting: posteriors smoothed over time, then a threshold (Chen, Parada, Heigold, ICASSP 2014)."""

from typing import Any, Dict, List

import numpy as np
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event

# A chunk is cut into blocks of at most this many frames, so that a whole recording may be pushed at once.
BLOCK_FRAMES = 16
# exp() of it fits in float64, so that the softmax needs no maximum: a graph that emits inf must not stop a session.
LARGEST_LOGIT = 700.0


class KeywordDecoder:
    """Softmax of each frame, averaged over the last ``smooth_frames`` (zeros before the start).

    A label that is not ignored fires in the first frame in which its smoothed posterior reaches ``threshold``, and then
    not again for ``refractory_frames``; its event's score is the greatest value that the smoothed posterior reaches in
    those frames. Labels fire independently of each other, so events at a higher threshold are a subset by score.

    A clip as a whole gets one label: of all labels but the background, the one with the greatest smoothed posterior
    anywhere in the clip, or the background if that one stays below ``threshold``. The background is the last of
    ``ignored`` ("silence"); without ignored labels there is none.
    """

    ended = False

    def __init__(self, decoder: Decoder) -> None:
        self._labels = decoder.labels
        self._threshold = decoder.threshold
        self._refractory = decoder.refractory_frames
        self._smooth = decoder.smooth_frames
        self._background = decoder.labels.index(decoder.ignored[-1]) if decoder.ignored else None
        firing = [label not in decoder.ignored for label in decoder.labels]
        self._needed = np.where(firing, decoder.threshold, np.inf)
        self._reached = np.zeros(len(firing), dtype=np.bool_)
        self._ones = np.ones(len(firing))
        rows = self._smooth - 1 + BLOCK_FRAMES
        # Row t averages the frames t .. t + smooth_frames - 1 of _heard, whose first smooth_frames - 1 are of the past.
        offset = np.arange(rows) - np.arange(BLOCK_FRAMES)[:, None]
        self._average = np.where((offset >= 0) & (offset < self._smooth), 1.0 / self._smooth, 0.0)
        self._heard = np.zeros((rows, len(decoder.labels)))
        self._greatest = np.zeros(len(decoder.labels))
        self.reset()

    def reset(self) -> None:
        self._heard[:] = 0.0
        self._greatest[:] = 0.0
        self._frame = 0
        self._events: List[Event] = []
        self._open: Dict[int, Event] = {}

    def push(self, outputs: NDArray[Any]) -> None:
        logits = outputs.reshape(-1, len(self._labels))
        for start in range(0, len(logits), BLOCK_FRAMES):
            self._take(logits[start : start + BLOCK_FRAMES])

    def _take(self, logits: NDArray[Any]) -> None:
        frames, past = len(logits), self._smooth - 1
        posterior = self._heard[past : past + frames]
        np.maximum(logits, -LARGEST_LOGIT, out=posterior)
        np.minimum(posterior, LARGEST_LOGIT, out=posterior)
        np.exp(posterior, out=posterior)
        np.divide(posterior, posterior.dot(self._ones)[:, None], out=posterior)
        smoothed = self._average[:frames, : past + frames].dot(self._heard[: past + frames])
        peak = np.fmax.reduce(smoothed, axis=0)
        np.fmax(self._greatest, peak, out=self._greatest)
        np.greater_equal(peak, self._needed, out=self._reached)
        if self._open or np.count_nonzero(self._reached):
            for index, row in enumerate(smoothed):
                self._fire(row, self._heard[index : index + self._smooth])
                self._frame += 1
        else:
            self._frame += frames
        self._heard[:past] = self._heard[frames : past + frames]

    def _fire(self, smoothed: NDArray[Any], averaged: NDArray[Any]) -> None:
        for index in [i for i, e in self._open.items() if self._frame - e["frame"] >= self._refractory]:
            del self._open[index]
        for index, event in self._open.items():
            event["score"] = max(event["score"], float(smoothed[index]))
        for index in np.flatnonzero(smoothed >= self._needed).tolist():
            if index not in self._open:
                fired: Event = {
                    "label": self._labels[index],
                    "frame": self._frame,
                    "score": float(smoothed[index]),
                    "heard_frame": self._heard_frame(averaged[:, index]),
                }
                self._open[index] = fired
                self._events.append(fired)

    def _heard_frame(self, averaged: NDArray[Any]) -> int:
        """The first of the frames behind the smoothed posterior that reached the threshold by itself: one did."""
        reached = np.flatnonzero(averaged >= self._threshold)
        return self._frame - self._smooth + 1 + int(reached[0]) if len(reached) else self._frame

    def finish(self) -> Decoded:
        greatest = {label: float(value) for label, value in zip(self._labels, self._greatest)}
        return {
            "kind": "keyword",
            "events": [e.copy() for e in self._events],
            "label": self._clip_label(),
            "text": None,
            "posteriors": greatest,
        }

    def _clip_label(self) -> str:
        heard = self._greatest.copy()
        if self._background is not None:
            heard[self._background] = -1.0
        best = int(heard.argmax())
        if self._background is not None and heard[best] < self._threshold:
            best = self._background
        return self._labels[best]
