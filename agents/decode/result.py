"""What a decoder makes of a stream: plain dictionaries, ready for JSON."""

from typing import Any, Dict, List, Optional, Protocol, TypedDict

from numpy.typing import NDArray


class RankedWord(TypedDict):
    """A word that a trace may mean, with its share of the probability of those that were kept, in [0, 1]."""

    word: str
    score: float


class _Event(TypedDict):
    label: str
    frame: int
    score: float


class Event(_Event, total=False):
    """Something heard: ``frame`` is the index of the output frame in the stream, ``score`` is in [0, 1].

    ``heard_frame``: the first frame in which the graph said so by itself; what lies between the two is the decoder's
    own wait for confirmation. Every decoder here tells it; older agents did not. ``words``: of the decoder trie, best
    first; ``label`` is the first of them.
    """

    heard_frame: int
    words: List[RankedWord]


class Decoded(TypedDict):
    """All that was heard in a stream.

    ``label`` (one class for the whole clip) and ``posteriors`` (the greatest smoothed posterior of each label) come
    from the keyword decoder only, ``text`` (labels joined by spaces) from ctc, rnnt and trie; elsewhere they are None.
    """

    kind: str
    events: List[Event]
    label: Optional[str]
    text: Optional[str]
    posteriors: Optional[Dict[str, float]]


class StreamDecoder(Protocol):
    """Takes the graph's first output chunk by chunk. The result does not depend on the chunking."""

    ended: bool
    """The input was at rest or came to rest with the last chunk: the graph and the front end begin anew with the next
    one, and the events stay. Only where a front end knows that."""

    def push(self, outputs: NDArray[Any]) -> None:
        """Take the next output, shape (1, frames, classes) (or (frames, classes)), logits."""
        ...

    def finish(self) -> Decoded:
        """What was heard since the start of the stream; the decoder may go on after this."""
        ...

    def reset(self) -> None:
        """Start a new stream."""
        ...
