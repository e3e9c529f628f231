import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Decoder
from agents.decode import make_decoder, trie_search
from agents.decode.step_graph import Search
from agents.decode.trie import Trie
from agents.decode.trie_lexicon import Lexicon
from agents.decode.trie_search import TrieDecoder
from tests.agents.decode.toy_step import ToyStep, frames, step_contract

LETTERS = ("", "a", "b", "c")
# All 12 words of one and two letters: a search must tell each from its neighbours.
WORDS = {"".join(w): 3.0 ** len(w) + i for n in (1, 2) for i, w in enumerate(itertools.product("abc", repeat=n))}


def trie_decoder(**changes: Any) -> Decoder:
    return Decoder("trie", **{"labels": LETTERS, "beam": 16, "prune": 4, "max_symbols": 4, **changes})


class Phase:
    """What a front end would tell."""

    def __init__(self) -> None:
        self.now = "down"

    def __call__(self) -> str:
        return self.now


def trie_of(words: dict[str, float]) -> Trie:
    return Trie(list(words), list(words.values()), LETTERS, 4)


def searching(
    seed: int = 0, words: dict[str, float] = WORDS, own: dict[str, float] | None = None, batch: int = 16, **changes: Any
) -> tuple[TrieDecoder, Phase, ToyStep]:
    contract = step_contract(batch, len(LETTERS))
    step, phase = ToyStep(contract, seed), Phase()
    lexicon = Lexicon(trie_of(words), None if own is None else trie_of(own))
    return TrieDecoder(trie_decoder(**changes), Search(step, contract, {}, phase), lexicon), phase, step


def log_softmax(logits: NDArray[Any]) -> NDArray[Any]:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def log_p_of(word: str, heard: NDArray[Any], seed: int) -> float:
    """Log probability of a word over all alignments: the forward algorithm, prefix by prefix."""
    step = ToyStep(step_contract(1, len(LETTERS)), seed)
    h, token = np.zeros((1, 4), np.float32), 0
    alpha = np.array([0.0] + [-np.inf] * (heard.shape[1] - 1))
    for symbol in [*(LETTERS.index(letter) for letter in word), None]:
        asked = [step.compute(np.array([token]), frame[None], h) for frame in heard[0]]
        rows = [log_softmax(logits[0]) for logits, _ in asked]
        entered = alpha.copy()
        for t in range(1, heard.shape[1]):
            entered[t] = np.logaddexp(entered[t], entered[t - 1] + rows[t - 1][0])
        if symbol is None:
            return float(entered[-1] + rows[-1][0])
        alpha = np.array([e + row[symbol] for e, row in zip(entered, rows, strict=True)])
        h, token = asked[0][1].astype(np.float32), symbol
    raise AssertionError


def ranked(decoder: TrieDecoder) -> list[tuple[str, float]]:
    (event,) = decoder.finish()["events"]
    return [(word["word"], word["score"]) for word in event["words"]]


def exhaustive(
    heard: NDArray[Any], seed: int, words: Sequence[str], priors: dict[str, float]
) -> list[tuple[str, float]]:
    scores = {word: log_p_of(word, heard, seed) + priors[word] for word in words}
    best = sorted(scores, key=lambda word: -scores[word])
    shares = {word: math.exp(scores[word] - scores[best[0]]) for word in best}
    return [(word, shares[word] / sum(shares.values())) for word in best]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_beam_that_holds_every_prefix_ranks_words_by_their_exact_probability(
    monkeypatch: pytest.MonkeyPatch, seed: int, weight: float
) -> None:
    monkeypatch.setattr(trie_search, "WORTH_NATS", math.inf)
    heard = frames(5, seed + 20)
    decoder, _, _ = searching(seed, beam=16, prior_weight=weight)
    decoder.push(heard)
    total = sum(WORDS.values()) + len(WORDS)
    priors = {word: weight * math.log((count + 1) / total) for word, count in WORDS.items()}
    wanted = exhaustive(heard, seed, list(WORDS), priors)
    told = ranked(decoder)
    assert [word for word, _ in told] == [word for word, _ in wanted[:8]]
    assert [score for _, score in told] == pytest.approx([score for _, score in wanted[:8]], rel=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_worth_a_row_takes_nothing_from_the_best(seed: int) -> None:
    heard = frames(5, seed + 20)
    decoder, _, _ = searching(seed)
    decoder.push(heard)
    wanted = exhaustive(heard, seed, list(WORDS), dict.fromkeys(WORDS, 0.0))
    assert ranked(decoder)[0][0] == wanted[0][0]
    assert ranked(decoder)[0][1] == pytest.approx(wanted[0][1], rel=1e-3)


def test_only_words_of_the_list_are_told() -> None:
    heard = frames(6, 3)
    decoder, _, _ = searching(words={"abc": 1.0, "cab": 1.0, "cc": 1.0})
    decoder.push(heard)
    assert {word for word, _ in ranked(decoder)} == {"abc", "cab", "cc"}


def test_a_users_word_is_told_with_its_probability() -> None:
    heard, seed = frames(4, 5), 1
    decoder, _, _ = searching(seed, words={"ab": 1.0, "ba": 1.0}, own={"cc": 2.0}, prior_weight=1.0)
    decoder.push(heard)
    priors = {"ab": math.log(0.9 / 2), "ba": math.log(0.9 / 2), "cc": math.log(0.1)}
    wanted = exhaustive(heard, seed, list(priors), priors)
    assert [w for w, _ in ranked(decoder)] == [w for w, _ in wanted]
    assert [s for _, s in ranked(decoder)] == pytest.approx([s for _, s in wanted], rel=1e-5)


class OneByOne(ToyStep):
    """Computes row by row what the other computes at once."""

    def run(self, count: int) -> None:
        tokens, frames_, states = (np.array(a[:count]) for a in (self.tokens, self.frames, self.states_in["h_in"]))
        for row in range(count):
            logits, h = self.compute(tokens[row : row + 1], frames_[row : row + 1], states[row : row + 1])
            self.logits[row], self.states_out["h_in"][row] = logits[0], h[0]


@pytest.mark.parametrize("seed", range(3))
def test_hypotheses_in_one_call_give_what_one_after_another_does(seed: int) -> None:
    heard = frames(8, seed)
    together, phase, _ = searching(seed, prior_weight=0.4)
    contract = step_contract(16, len(LETTERS))
    search = Search(OneByOne(contract, seed), contract, {}, phase)
    alone = TrieDecoder(trie_decoder(prior_weight=0.4), search, Lexicon(trie_of(WORDS)))
    together.push(heard)
    alone.push(heard)
    assert [w for w, _ in ranked(together)] == [w for w, _ in ranked(alone)]
    assert [s for _, s in ranked(together)] == pytest.approx([s for _, s in ranked(alone)], rel=1e-5)


def test_a_narrow_beam_asks_little_and_never_more_than_its_width() -> None:
    heard = frames(10, 7)
    wide, _, asked_wide = searching(beam=16, prune=3)
    narrow, _, asked_narrow = searching(beam=2, prune=1)
    wide.push(heard)
    narrow.push(heard)
    assert max(asked_narrow.calls) <= 2
    assert max(asked_wide.calls) > 2
    assert sum(asked_narrow.calls) < sum(asked_wide.calls)


@pytest.mark.parametrize("sizes", [[12], [4, 4, 4], [1] * 12, [5, 7]])
def test_the_chunking_changes_nothing(sizes: list[int]) -> None:
    heard = frames(12, 2)
    decoder, phase, _ = searching(prior_weight=0.3)
    begin = 0
    for index, size in enumerate(sizes):
        phase.now = "lifted" if index == len(sizes) - 1 else "down"
        decoder.push(heard[:, begin : begin + size])
        begin += size
    whole, end, _ = searching(prior_weight=0.3)
    end.now = "lifted"
    whole.push(heard)
    assert decoder.finish() == whole.finish()


def test_a_lifted_finger_ends_the_word_and_the_next_one_begins_afresh() -> None:
    heard = frames(6, 4)
    decoder, phase, _ = searching()
    for _ in range(2):
        phase.now = "down"
        decoder.push(heard[:, :3])
        assert not decoder.ended
        phase.now = "lifted"
        decoder.push(heard[:, 3:])
        assert decoder.ended
    first, second = decoder.finish()["events"]
    assert first["words"] == second["words"]
    assert (first["frame"], second["frame"]) == (5, 11)
    assert decoder.finish()["text"] == f"{first['label']} {first['label']}"


def test_an_idle_finger_is_no_word_and_costs_no_call() -> None:
    decoder, phase, step = searching()
    phase.now = "idle"
    decoder.push(frames(8))
    assert (step.calls, decoder.ended, decoder.finish()["events"]) == ([], True, [])
    phase.now = "lifted"
    decoder.push(frames(4))
    assert decoder.finish()["events"][0]["frame"] == 11


def test_reset_forgets_the_words_and_the_trace() -> None:
    heard = frames(5, 9)
    decoder, phase, _ = searching()
    phase.now = "lifted"
    decoder.push(heard)
    once = decoder.finish()
    phase.now = "down"
    decoder.push(heard[:, :2])
    decoder.reset()
    assert decoder.finish()["events"] == []
    phase.now = "lifted"
    decoder.push(heard)
    assert decoder.finish() == once


def test_a_graph_that_emits_nan_stops_no_search() -> None:
    decoder, phase, _ = searching()
    decoder.push(frames(3) * np.float32(np.nan))
    phase.now = "lifted"
    decoder.push(frames(2))
    assert decoder.ended
    decoder.reset()
    decoder.push(frames(4))
    assert decoder.finish()["events"]


def test_words_longer_than_the_limit_are_not_followed() -> None:
    decoder, _, _ = searching(words={"ab": 1.0, "abc": 100.0}, max_symbols=2)
    decoder.push(frames(5))
    assert [word for word, _ in ranked(decoder)] == ["ab"]


def test_it_needs_a_front_end_that_knows_when_a_trace_ends() -> None:
    contract = step_contract(16, len(LETTERS))
    with pytest.raises(ValueError, match="tells when a trace ends"):
        TrieDecoder(trie_decoder(), Search(ToyStep(contract), contract), Lexicon(trie_of(WORDS)))


def test_a_contract_names_it(tmp_path: Any) -> None:
    path = tmp_path / "words.csv"
    path.write_text("word,count\nab,1\n")
    contract = step_contract(16, len(LETTERS))
    made = make_decoder(trie_decoder(), Search(ToyStep(contract), contract, {"lexicon": str(path)}, Phase()))
    assert isinstance(made, TrieDecoder)
