"""Voice activity: a probability of speech to where it begins and ends, with two thresholds so that it does not flap."""

from typing import Any, List, Optional

from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode.result import Decoded, Event


class VoiceActivity:
    """An event of the first label where speech begins, one of the second where it has ended.

    Speech begins with the first frame that reaches ``threshold``. It has ended with the last of ``refractory_frames``
    frames in a row below ``release``; the event's ``heard_frame`` is the first of those: speech lasted up to there.
    Scores are the probability of what is told, of speech or of silence, in the ``heard_frame``.
    """

    ended = False

    def __init__(self, decoder: Decoder) -> None:
        self._speech, self._silence = decoder.labels
        self._threshold, self._release = decoder.threshold, decoder.release
        self._patience = decoder.refractory_frames
        self.reset()

    def reset(self) -> None:
        self._frame = 0
        self._speaking = False
        self._quiet: Optional[Event] = None
        self._events: List[Event] = []

    def push(self, outputs: NDArray[Any]) -> None:
        for probability in outputs.reshape(-1).tolist():
            if not self._speaking:
                self._maybe_begin(probability)
            elif probability < self._release:
                self._maybe_end(probability)
            else:
                self._quiet = None
            self._frame += 1

    def _maybe_begin(self, probability: float) -> None:
        if probability >= self._threshold:
            self._speaking = True
            self._events.append(self._event(self._speech, probability))

    def _maybe_end(self, probability: float) -> None:
        quiet = self._quiet = self._quiet or self._event(self._silence, 1.0 - probability)
        if self._frame - quiet["heard_frame"] + 1 >= self._patience:
            quiet["frame"] = self._frame
            self._events.append(quiet)
            self._speaking, self._quiet = False, None

    def _event(self, label: str, score: float) -> Event:
        return {"label": label, "frame": self._frame, "score": score, "heard_frame": self._frame}

    def finish(self) -> Decoded:
        return {"kind": "vad", "events": list(self._events), "label": None, "text": None, "posteriors": None}
