"""What a user waits from the end of a word to its event, part by part: the latency budget of a spoken word.

d_k - t_w, for a word that ends at t_w of the stream and whose event comes with chunk k, is the sum of these parts; L_k
is one of them and never called the whole. Symbols are those of docs/measurement.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.contract import StreamContract
from orchestrator.domain.session import Session

# Array of a session, int64, shape (words, 4): the span it lies in, its label as an index into the decoder's (-1: none
# of them), its begin and its end, in ns from the span's start. A paced stream is one span.
WORDS = "words"
SPAN, LABEL, START, END = range(4)
_NO_LABEL = -1

# Columns of ``Perceived.parts_ns``.
PARTS = ("emission delay", "endpointing", "lookahead", "chunk wait", "latency L_k")

# An event this long after the end of its word still is the word's.
HEARD_WITHIN_S = 0.5

NO_WORDS = "nobody told when its words end: the evaluation set needs events, and a session of your own audio has none"


@dataclass(frozen=True, eq=False)
class Perceived:
    """``parts_ns``: a row for each word that was heard, int64, shape (n, 5), columns ``PARTS``; an emission delay below
    zero is a model that was sure before the word was over. Words that were ``missed``, and ``false_events`` that belong
    to none, are counted and in no row. ``of``: what was measured, in words.
    """

    parts_ns: NDArray[np.int64]
    missed: int
    false_events: int
    of: str

    @property
    def heard(self) -> int:
        return len(self.parts_ns)

    @property
    def total_ns(self) -> NDArray[np.int64]:
        """From the end of the word to its event, shape (n,); wire.NEVER_NS and more: the chunk was dropped."""
        return np.asarray(self.parts_ns.sum(axis=1))


def perceived(session: Session, contract: StreamContract) -> Perceived | str:
    """Of a paced session, each word with the latency of the very chunk that brought its event; or why it is not known.

    A word whose event could have come after the session's end does not count.
    """
    if session.planned.mode != "paced":
        return "chunks of a flat-out session do not arrive"
    found = _audio_parts(session, contract)
    if isinstance(found, str):
        return found
    timeline = session.timeline(contract.sample_rate_hz)
    rows = timeline.t_ns[found.chunks]
    # The stream's start: by the earliest arrival, where a trace makes some of them late.
    numbers = np.arange(1, len(timeline) + 1)
    begin_ns = int((timeline.arrival_ns - _ns(numbers * session.planned.candidate.chunk_samples, contract)).min())
    wait = rows[:, wire.ARRIVAL] - begin_ns - found.ready_ns
    latency = rows[:, wire.DONE] - rows[:, wire.ARRIVAL]
    return found.with_client(wait, latency, "its own session")


def perceived_of(
    evaluated: Session, contract: StreamContract, latency_ns: NDArray[np.int64], seed: int = 0
) -> Perceived | str:
    """Of an evaluate session, each word with the latency of a chunk drawn from ``latency_ns``, that of paced ones: what
    a chunk costs is taken not to depend on what is said in it. Or why it is not known.
    """
    if not len(latency_ns):
        return "no paced session gave a latency"
    found = _audio_parts(evaluated, contract)
    if isinstance(found, str):
        return found
    arrival_ns = _ns((found.chunks + 1) * evaluated.planned.candidate.chunk_samples, contract)
    drawn = np.random.default_rng(seed).choice(latency_ns, len(found.chunks))
    return found.with_client(arrival_ns - found.ready_ns, drawn, "chunks of paced sessions, drawn by chance")


@dataclass(frozen=True, eq=False)
class _AudioParts:
    """What follows from the audio alone. ``chunks``: which one brought each word's event; ``ready_ns``: when the last
    sample of the event's frame existed, in its stream.
    """

    emission_ns: NDArray[np.int64]
    endpointing_ns: NDArray[np.int64]
    lookahead_ns: int
    chunks: NDArray[np.int64]
    ready_ns: NDArray[np.int64]
    missed: int
    false_events: int

    def with_client(self, wait_ns: NDArray[np.int64], latency_ns: NDArray[np.int64], source: str) -> Perceived:
        lookahead = np.full(len(self.chunks), self.lookahead_ns)
        columns = (self.emission_ns, self.endpointing_ns, lookahead, wait_ns, latency_ns)
        of = f"{len(self.chunks) + self.missed} words; L_k of {source}"
        return Perceived(np.stack(columns, axis=1).astype(np.int64), self.missed, self.false_events, of)


@dataclass(frozen=True)
class FrameClock:
    """Where the decoder's frames lie in the audio of one stream. ``served``: numbers of the chunks that it heard, None:
    all. ``begin``: in samples of the audio, where its first chunk begins.
    """

    contract: StreamContract
    chunk_samples: int
    served: NDArray[np.int64] | None = None
    begin: int = 0

    def chunk(self, frame: int) -> int:
        heard = frame * self.contract.frame_samples() // self.chunk_samples
        return heard if self.served is None else int(self.served[heard])

    def ready_ns(self, frame: int) -> int:
        """When the last sample that the frame was made of existed."""
        size = self.contract.frame_samples()
        within = (frame + 1) * size - frame * size // self.chunk_samples * self.chunk_samples
        samples = self.begin + self.chunk(frame) * self.chunk_samples + within
        return int(_ns(np.array(samples), self.contract))


def _ns(samples: NDArray[Any], contract: StreamContract) -> NDArray[np.int64]:
    return np.asarray(samples * 1_000_000_000 // contract.sample_rate_hz, dtype=np.int64)


def _audio_parts(session: Session, contract: StreamContract) -> _AudioParts | str:
    decoded, words = session.result.decoded, session.arrays.get(WORDS)
    if contract.decoder.kind == "none":
        return f"{contract.model} has no decoder, so that it tells no word"
    if contract.decoder.kind == "vad":
        return f"{contract.model} tells where speech is, not what was said"
    if words is None or not len(words):
        return NO_WORDS
    if any("heard_frame" not in event for stream in decoded for event in stream["events"]):
        return "an older agent ran it, which did not tell when the graph itself was sure"
    lookahead_ns = int(_ns(np.array(contract.lookahead_samples), contract))
    limit_ns = int(HEARD_WITHIN_S * 1e9) + lookahead_ns
    words, labels = _comparable(words, contract)
    clock = FrameClock(contract, session.planned.candidate.chunk_samples, _served(session))
    stream_ns = _stream_ns(session, contract)
    parts: list[tuple[int, int, int, int]] = []
    missed, false_events = 0, 0
    for span, stream in enumerate(decoded):
        own = words[words[:, SPAN] == span]
        owners = owners_of(stream["events"], own, labels, clock, limit_ns)
        false_events += sum(owner is None for owner in owners)
        first = first_events(stream["events"], owners)
        for number in np.flatnonzero(own[:, END] + limit_ns <= stream_ns).tolist():
            if number in first:
                parts.append(of_word(first[number], int(own[number, END]), lookahead_ns, clock))
            else:
                missed += 1
    columns = np.array(parts, dtype=np.int64).reshape(-1, 4).T
    return _AudioParts(columns[0], columns[1], lookahead_ns, columns[2], columns[3], missed, false_events)


def _comparable(words: NDArray[np.int64], contract: StreamContract) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Words and the labels that events are told apart by: none for swipes, where a word's wait is that for whichever
    word its trace gave."""
    if contract.decoder.kind != "trie":
        return words, contract.decoder.labels
    alike = words.copy()
    alike[:, LABEL] = _NO_LABEL
    return alike, ()


def _served(session: Session) -> NDArray[np.int64] | None:
    times = session.arrays.get("t_ns")
    return None if times is None else np.flatnonzero(times[:, wire.DONE] != wire.NEVER_NS)


def _stream_ns(session: Session, contract: StreamContract) -> float:
    """How long a paced stream was; utterances of an evaluation are whole, and a word missed in one is missed."""
    if session.planned.mode != "paced":
        return float("inf")
    samples = session.result.chunk_count * session.planned.candidate.chunk_samples
    return float(_ns(np.array(samples), contract))


def owners_of(
    events: Sequence[Any], words: NDArray[np.int64], labels: Sequence[str], clock: FrameClock, limit_ns: int
) -> list[int | None]:
    """The word that each event belongs to: of its label, begun before it and ended at most ``limit_ns`` before; the
    first that has none yet, else the last (heard twice). None: a false event.
    """
    owners: list[int | None] = []
    for event in events:
        at_ns = clock.ready_ns(event["frame"])
        label = labels.index(event["label"]) if event["label"] in labels else _NO_LABEL
        near = (words[:, LABEL] == label) & (words[:, START] <= at_ns) & (at_ns <= words[:, END] + limit_ns)
        fitting = np.flatnonzero(near).tolist()
        free = [number for number in fitting if number not in owners]
        owners.append(free[0] if free else fitting[-1] if fitting else None)
    return owners


def first_events(events: Sequence[Any], owners: Sequence[int | None]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for event, owner in zip(events, owners, strict=True):
        if owner is not None:
            found.setdefault(owner, event)
    return found


def of_word(event: Any, end_ns: int, lookahead_ns: int, clock: FrameClock) -> tuple[int, int, int, int]:
    ready_ns, heard_ns = clock.ready_ns(event["frame"]), clock.ready_ns(event["heard_frame"])
    emission_ns = heard_ns - lookahead_ns - end_ns
    return emission_ns, ready_ns - heard_ns, clock.chunk(event["frame"]), ready_ns
