import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode import make_decoder
from agents.decode.rnnt import GreedyRnnt
from agents.decode.rnnt_beam import BeamRnnt
from tests.agents.decode.toy_step import LABELS, ToyStep, decoder, frames, step_contract, toy_search


def plain_greedy(heard: NDArray[Any], seed: int, max_symbols: int) -> list[tuple[int, int]]:
    """(symbol, frame) by the definition, hypothesis by hypothesis."""
    step = ToyStep(step_contract(), seed)
    token, h, told = 0, np.zeros((1, 4), np.float32), []
    for at, frame in enumerate(heard[0]):
        for _ in range(max_symbols):
            logits, new_h = step.compute(np.array([token]), frame[None], h)
            best = int(logits.argmax())
            if best == 0:
                break
            told.append((best, at))
            token, h = best, new_h.astype(np.float32)
    return told


def log_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def log_p_of(text: tuple[int, ...], heard: NDArray[Any], seed: int) -> float:
    """Log probability of a text over all alignments: the forward algorithm."""
    step, count = ToyStep(step_contract(), seed), heard.shape[1]
    after, h, token = [], np.zeros((1, 4), np.float32), 0
    for symbol in (*text, None):
        rows = [step.compute(np.array([token]), frame[None], h) for frame in heard[0]]
        after.append([log_softmax(logits[0]) for logits, _ in rows])
        h = rows[0][1].astype(np.float32)
        token = symbol if symbol is not None else token
    alpha = np.full((count, len(text) + 1), -np.inf)
    alpha[0, 0] = 0.0
    for t, u in itertools.product(range(count), range(len(text) + 1)):
        if t:
            alpha[t, u] = np.logaddexp(alpha[t, u], alpha[t - 1, u] + after[u][t - 1][0])
        if u:
            alpha[t, u] = np.logaddexp(alpha[t, u], alpha[t, u - 1] + after[u - 1][t][text[u - 1]])
    return float(alpha[-1, -1] + after[-1][-1][0])


@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_best_symbol_of_each_frame(seed: int) -> None:
    heard = frames(12, seed + 10)
    search = GreedyRnnt(decoder(), toy_search(seed=seed))
    search.push(heard)
    told = search.finish()
    wanted = plain_greedy(heard, seed, 3)
    assert [(LABELS.index(e["label"]), e["frame"]) for e in told["events"]] == wanted
    assert told["text"] == " ".join(LABELS[symbol] for symbol, _ in wanted)
    assert all(0.0 < e["score"] <= 1.0 and e["heard_frame"] == e["frame"] for e in told["events"])


@pytest.mark.parametrize("beam", [1, 4])
def test_the_chunking_does_not_matter_and_a_reset_begins_anew(beam: int) -> None:
    heard = frames(10)
    search = make_decoder(decoder(beam=beam), toy_search(beam))
    search.push(heard)
    whole = search.finish()
    assert whole["events"]
    search.reset()
    for start in range(0, 10, 2):
        search.push(heard[:, start : start + 2])
    assert search.finish() == whole


@pytest.mark.parametrize("beam", [1, 4])
def test_two_streams_share_a_step_graph(beam: int) -> None:
    first, second = frames(8, 1), frames(8, 2)
    alone = []
    for heard in (first, second):
        search = make_decoder(decoder(beam=beam), toy_search(beam))
        search.push(heard)
        alone.append(search.finish())
    shared = toy_search(beam)
    both = [make_decoder(decoder(beam=beam), shared) for _ in "ab"]
    for at in range(0, 8, 2):
        for search, heard in zip(both, (first, second), strict=True):
            search.push(heard[:, at : at + 2])
    assert [search.finish() for search in both] == alone


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_text_and_its_probability(seed: int) -> None:
    heard, longest = frames(3, seed + 20), 5
    texts = [t for n in range(longest + 1) for t in itertools.product((1, 2), repeat=n)]
    truth = max(texts, key=lambda text: log_p_of(text, heard, seed))
    # Every text that five symbols in three frames make, so that nothing is pruned.
    search = BeamRnnt(decoder(beam=4096, max_symbols=longest), toy_search(4096, seed))
    search.push(heard)
    assert tuple(LABELS.index(e["label"]) for e in search.finish()["events"]) == truth


def test_the_probabilities_of_a_wide_beam_are_those_of_the_forward_algorithm() -> None:
    heard, seed = frames(2, 3), 1
    search = BeamRnnt(decoder(beam=64, max_symbols=2), toy_search(64, seed))
    beam = search._beam
    for frame in heard[0]:
        beam = search._beam = search._after(frame)
    # Texts of up to two symbols have all their alignments within two symbols a frame.
    for hypothesis in beam:
        if len(hypothesis.text) <= 2:
            assert hypothesis.log_p == pytest.approx(log_p_of(hypothesis.text, heard, seed), abs=1e-6)


def test_all_hypotheses_of_a_frame_go_in_one_call() -> None:
    search = toy_search(4)
    beam = BeamRnnt(decoder(beam=4, max_symbols=2), search)
    beam.push(frames(6))
    assert isinstance(search.step, ToyStep)
    assert max(search.step.calls) > 1
    # One call for those that stay or grow, one for each further symbol.
    assert len(search.step.calls) <= 6 * 3


def test_symbols_are_settled_when_all_hypotheses_have_them_and_kept_short_then() -> None:
    beam = BeamRnnt(decoder(beam=4), toy_search(4, seed=4))
    for seed in range(60):
        beam.push(frames(2, seed))
    events = beam.finish()["events"]
    assert all(e["heard_frame"] <= e["frame"] for e in events)
    assert [e["heard_frame"] for e in events] == sorted(e["heard_frame"] for e in events)
    assert max(len(h.symbols) for h in beam._beam) < len(events) / 2
    assert beam.finish() == beam.finish()


def test_a_search_needs_its_graph_and_a_blank() -> None:
    with pytest.raises(ValueError, match="second graph"):
        make_decoder(decoder())
    with pytest.raises(ValueError, match="blank must be an index"):
        make_decoder(Decoder("rnnt", labels=LABELS, blank=3), toy_search())
