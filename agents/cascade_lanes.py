"""The stages of a cascade as lanes of work: each says what it has to do next, and does it when it is its turn."""

from array import array
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import cascade_arrays as arrays
from agents import wire
from agents.cascade_gate import Gate
from agents.stages import LoopedAudio, Stages

Now = Callable[[], int]
_WIDTH = 10


class Log:
    """Every run, as (stage, kind, utterance, number, six times)."""

    def __init__(self) -> None:
        self._cells = array("q")

    def add(self, whose: Tuple[int, int, int, int], *times_ns: int) -> None:
        self._cells.extend(whose)
        self._cells.extend(times_ns)

    def first_stage(self) -> NDArray[np.int64]:
        """Times of the first stage's runs, shape (chunks, 5), columns ``wire.TIME_COLUMNS``."""
        found = self.arrays()
        own = found[arrays.TIMES][found[arrays.WHOSE][:, arrays.STAGE] == 0]
        return np.delete(own, arrays.READY, axis=1)

    def arrays(self) -> Dict[str, NDArray[Any]]:
        rows = np.array(self._cells, dtype=np.int64).reshape(-1, _WIDTH)
        whose = rows[:, : arrays.NUMBER + 1]
        return {arrays.TIMES: rows[:, arrays.NUMBER + 1 :].copy(), arrays.WHOSE: whose.astype(np.int32)}


@dataclass
class Utterance:
    """``end`` None: it is open. ``reply``: ids of tokens."""

    number: int
    begin: int
    opened_ns: int
    end: Optional[int] = None
    close_arrival_ns: int = wire.NEVER_NS
    closed_ns: int = wire.NEVER_NS
    text_ns: int = wire.NEVER_NS
    heard: Any = None
    reply: Tuple[int, ...] = ()

    @property
    def row(self) -> List[int]:
        end = arrays.OPEN_END if self.end is None else self.end
        return [self.begin, end, self.opened_ns, self.close_arrival_ns, self.closed_ns, self.text_ns]


@dataclass(frozen=True)
class Tape:
    """The stream's samples by their place in it, and when each of them exists; the recording is looped."""

    audio: LoopedAudio
    total: int
    exists_at: Callable[[int], int]
    """(number of samples from the start) -> when the last of them exists, ns."""

    def read(self, start: int, stop: int, out: NDArray[np.int16]) -> None:
        """Samples ``start`` to ``stop`` into ``out``, zeros behind them."""
        filled = 0
        while filled < stop - start:
            at = (start + filled) % self.audio.length
            piece = self.audio.extended[at : min(self.audio.length, at + stop - start - filled)]
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
        out[filled:] = 0


class Listener:
    """The first stage: every chunk of the stream, in the session's own array of times. ``on_open`` and ``on_close``
    are told of utterances.
    """

    def __init__(self, stages: Stages, gate: Gate, probability: Callable[[], float], tape: Tape) -> None:
        self._stages, self._gate, self._probability, self._tape = stages, gate, probability, tape
        self._size = tape.audio.chunk_samples
        self._next, self._total = 0, tape.total // self._size
        self.utterances: List[Utterance] = []
        self.on_open: Callable[[Utterance], None] = lambda _: None

    def since(self) -> Optional[Tuple[int, int]]:
        """(when its next run could begin, since when that is waited for), None where there will be none."""
        if self._next >= self._total:
            return None
        arrival_ns = self._tape.exists_at((self._next + 1) * self._size)
        return arrival_ns, arrival_ns

    def run(self, now: Now, log: Log) -> None:
        number, stages = self._next, self._stages
        arrival_ns = self._tape.exists_at((number + 1) * self._size)
        chunk = self._tape.audio.chunk(number)
        issue = now()
        stages.push(chunk, stages.target)
        fed = now()
        stages.step()
        ran = now()
        said = self._gate.push(number, self._probability())
        done = now()
        log.add((0, arrays.CHUNK, -1, number), arrival_ns, arrival_ns, issue, fed, ran, done)
        self._next = number + 1
        if said is not None:
            self._tell(said, arrival_ns, done)
        stages.progress[0] = self._next

    def _tell(self, said: Tuple[str, int], arrival_ns: int, done_ns: int) -> None:
        what, at = said
        if what == "open":
            self.utterances.append(Utterance(len(self.utterances), at, done_ns))
            self.on_open(self.utterances[-1])
        else:
            closed = self.utterances[-1]
            closed.end, closed.close_arrival_ns, closed.closed_ns = at, arrival_ns, done_ns


class Transcriber:
    """The stage that makes text: chunks of its own size from the begin of each utterance on, the last one filled with
    zeros, and as many zeros more as the model looks ahead. ``on_text`` is told of each text.
    """

    def __init__(self, stages: Stages, tape: Tape, size: int, lookahead: int, when: str) -> None:
        self._stages, self._tape, self._size, self._lookahead = stages, tape, size, lookahead
        self._while_open = when == wire.SPEECH
        self._waiting: Deque[Utterance] = deque()
        self._fed = 0
        self._chunk = np.zeros(size, dtype=np.int16)
        self.on_text: Callable[[Utterance], None] = lambda _: None

    def open(self, utterance: Utterance) -> None:
        self._waiting.append(utterance)

    def since(self) -> Optional[Tuple[int, int]]:
        found = self._ready()
        return None if found is None else (found[1], found[1])

    def _ready(self) -> Optional[Tuple[int, int]]:
        """(arrival, ready) of the next run."""
        if not self._waiting:
            return None
        utterance = self._waiting[0]
        start = utterance.begin + self._fed * self._size
        stop = start + self._size
        if utterance.end is None:
            if not self._while_open or stop > self._tape.total:
                return None
            arrival_ns = self._tape.exists_at(stop)
            return arrival_ns, max(arrival_ns, utterance.opened_ns)
        arrival_ns = self._tape.exists_at(min(stop, max(utterance.begin, utterance.end)))
        # What ends it, and all of it for a stage that waits for the end, could not be asked for before that was heard.
        in_time = self._while_open and stop <= utterance.end and self._left(utterance) > self._size
        return arrival_ns, max(arrival_ns, utterance.opened_ns) if in_time else utterance.closed_ns

    def _left(self, utterance: Utterance) -> int:
        """Samples of a closed utterance that were not fed, and its lookahead; 0 or less: all was, before it closed."""
        assert utterance.end is not None
        return utterance.end + self._lookahead - utterance.begin - self._fed * self._size

    def run(self, now: Now, log: Log) -> None:
        found, utterance = self._ready(), self._waiting[0]
        assert found is not None
        left = self._size + 1 if utterance.end is None else self._left(utterance)
        last = left <= self._size
        issue = fed = ran = now()
        if left > 0:
            fed, ran = self._feed(utterance, now)
        if last:
            utterance.heard = self._stages.finish()
        done = now()
        kind = arrays.LAST if last else arrays.CHUNK
        log.add((1, kind, utterance.number, self._fed), *found, issue, fed, ran, done)
        self._fed += 1
        if last:
            self._fed = 0
            self._waiting.popleft()
            utterance.text_ns = done
            self.on_text(utterance)

    def _feed(self, utterance: Utterance, now: Now) -> Tuple[int, int]:
        """When the front end and the graph were done with the next chunk."""
        stages, start = self._stages, utterance.begin + self._fed * self._size
        stop = start + self._size
        if self._fed == 0:
            stages.reset()
        self._tape.read(start, stop if utterance.end is None else min(stop, max(start, utterance.end)), self._chunk)
        stages.push(self._chunk, stages.target)
        fed = now()
        stages.step()
        ran = now()
        if stages.decode is not None:
            stages.decode()
        return fed, ran
