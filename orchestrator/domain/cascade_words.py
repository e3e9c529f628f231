"""Partial results of a cascade: what a listener waits from the end of a word to the first event that has it."""

import numpy as np

from agents import cascade_arrays as at
from agents.contract import StreamContract
from orchestrator.domain.cascade_path import CascadeTimes
from orchestrator.domain.perceived import (
    END,
    HEARD_WITHIN_S,
    NO_WORDS,
    WORDS,
    FrameClock,
    Perceived,
    first_events,
    of_word,
    owners_of,
)


def perceived_words(run: CascadeTimes, contract: StreamContract) -> Perceived | str:
    """Of the stage that makes text, whose contract this is; or why it is not known.

    ``L_k`` of a word counts from when its chunk was there, so that waiting for the utterance to be opened is in it.
    """
    session, words = run.session, run.session.arrays.get(WORDS)
    if words is None or not len(words):
        return NO_WORDS
    chunk_samples = session.planned.cascade.stages[1].candidate.chunk_samples if session.planned.cascade else 0
    lookahead_ns = contract.lookahead_samples * 1_000_000_000 // contract.sample_rate_hz
    limit_ns = int(HEARD_WITHIN_S * 1e9) + lookahead_ns
    rows, false_events = _rows(run), 0
    heard: dict[int, tuple[int, ...]] = {}
    for stream in session.result.decoded:
        utterance = stream["utterance"]
        clock = FrameClock(contract, chunk_samples, begin=int(run.utterances[utterance, at.BEGIN]))
        owners = owners_of(stream["events"], words, contract.decoder.labels, clock, limit_ns)
        false_events += sum(owner is None for owner in owners)
        for number, event in first_events(stream["events"], owners).items():
            emission, endpointing, chunk, ready_ns = of_word(event, int(words[number, END]), lookahead_ns, clock)
            arrival_ns, done_ns = rows[utterance, chunk]
            wait_ns = arrival_ns - run.begin_ns - ready_ns
            parts = (emission, endpointing, lookahead_ns, wait_ns, done_ns - arrival_ns)
            heard.setdefault(number, parts)
    whole_ns = session.result.chunk_count * session.planned.candidate.chunk_samples * 1_000_000_000
    counted = np.flatnonzero(words[:, END] + limit_ns <= whole_ns // run.sample_rate_hz).tolist()
    told = np.array([heard[number] for number in counted if number in heard], dtype=np.int64).reshape(-1, 5)
    return Perceived(told, len(counted) - len(told), false_events, f"{len(counted)} words; L_k of its own session")


def _rows(run: CascadeTimes) -> dict[tuple[int, int], tuple[int, int]]:
    """(utterance, number of the chunk) -> arrival and end, of the stage that makes text."""
    own = run.whose[:, at.STAGE] == 1
    keys = run.whose[own][:, (at.UTTERANCE, at.NUMBER)].tolist()
    times = run.times[own][:, (at.ARRIVAL, at.DONE)].tolist()
    return {(u, n): (arrival, done) for (u, n), (arrival, done) in zip(keys, times, strict=True)}
