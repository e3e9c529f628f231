"""How well a voice activity detector tells speech from the rest, frame by frame: F1 of speech."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.decode import Decoded, Event
from orchestrator.domain.score import ItemScore
from orchestrator.errors import BadAudio
from orchestrator.make.quality.evaluation import Utterance
from orchestrator.make.quality.metrics import Spoken

# A metric, what each item adds to it, and what else is told of it.
Figures = tuple[str, tuple[ItemScore, ...], dict[str, float]]


def spoken_frames(events: Sequence[Spoken], frames: int, frame_s: float) -> NDArray[np.bool_]:
    """Frames whose middle lies within an event, shape (frames,). Every event is speech, whatever its label."""
    middle_s = (np.arange(frames) + 0.5) * frame_s
    found = np.zeros(frames, dtype=np.bool_)
    for event in events:
        found |= (middle_s >= event.start_s) & (middle_s < event.end_s)
    return found


def heard_frames(events: Sequence[Event], frames: int) -> NDArray[np.bool_]:
    """Frames between a beginning and its end (``agents.decode.vad``: they alternate), shape (frames,)."""
    turns = [event.get("heard_frame", event["frame"]) for event in events] + [frames]
    found = np.zeros(frames, dtype=np.bool_)
    for begin, end in zip(turns[0::2], turns[1::2], strict=False):
        found[begin:end] = True
    return found


def f1(contract: StreamContract, utterances: Sequence[Utterance], decoded: Sequence[Decoded]) -> Figures:
    """1 - F1 is errors over count: 1 - 2 h / (2 h + f + m), with h frames hit, f of false alarm and m missed.

    So an item's ``count`` depends on what was heard, too. Raises BadAudio where an utterance has no speech.
    """
    silent = [u.id for u in utterances if not u.events]
    if silent:
        raise BadAudio(
            f"utterances {silent[:5]} of the evaluation set have no events, and F1 of no speech is not defined",
            hint="join each with a neighbour that has speech, in one line, and list where the speech is as events",
        )
    frame_samples = contract.frame_samples()
    items, sums = [], np.zeros(3)
    for utterance, result in zip(utterances, decoded, strict=True):
        frames = utterance.span.count // frame_samples
        truth = spoken_frames(utterance.events, frames, frame_samples / contract.sample_rate_hz)
        heard = heard_frames(result["events"], frames)
        parts = np.array([(truth & heard).sum(), (heard & ~truth).sum(), (truth & ~heard).sum()], dtype=np.float64)
        hits, false, missed = parts.tolist()
        # Speech that is shorter than half a frame may leave none.
        items.append(ItemScore(utterance.id, false + missed, max(1.0, 2 * hits + false + missed)))
        sums += parts
    hits, false, missed = sums.tolist()
    details = {
        "frames": float(sum(u.span.count // frame_samples for u in utterances)),
        "precision": hits / max(1.0, hits + false),
        "recall": hits / max(1.0, hits + missed),
    }
    return "f1", tuple(items), details
