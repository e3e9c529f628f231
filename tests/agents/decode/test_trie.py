import math
import random
from pathlib import Path

import pytest

from agents.decode.trie import ABSENT, ROOT, Trie, read_trie
from agents.decode.trie_lexicon import Lexicon, lexicon_of
from tests.agents.decode.test_trie_search import LETTERS, trie_decoder

LABELS = ("<blank>", *"abcdefghijklmnopqrstuvwxyz")


def trie(counts: dict[str, float], longest: int = 10) -> Trie:
    return Trie(list(counts), list(counts.values()), LABELS, longest)


def node_of(found: Trie, word: str) -> int:
    node = ROOT
    for letter in word:
        node = found.child(node, LABELS.index(letter))
        if node == ABSENT:
            break
    return node


def following(found: Trie, prefix: str) -> set[str]:
    return {LABELS[label] for label in found.children(node_of(found, prefix))}


def random_words(count: int, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    return {"".join(rng.choices("abcd", k=rng.randint(1, 7))): float(rng.randint(0, 50)) for _ in range(count)}


@pytest.mark.parametrize("seed", range(4))
def test_every_prefix_has_what_a_plain_search_of_the_list_finds(seed: int) -> None:
    words = random_words(300, seed)
    found = trie(words)
    prefixes = {word[:length] for word in words for length in range(len(word) + 1)}
    total = sum(words.values()) + len(words)
    assert (found.words, found.nodes) == (len(words), len(prefixes))
    for prefix in prefixes:
        node = node_of(found, prefix)
        below = [word for word in words if word.startswith(prefix)]
        assert found.spelling(node) == prefix
        assert following(found, prefix) == {word[len(prefix)] for word in below if word != prefix}
        wanted = math.log((words[prefix] + 1) / total) if prefix in words else -math.inf
        assert found.log_p(node) == pytest.approx(wanted)
        assert found.best_log_p(node) == pytest.approx(max(math.log((words[w] + 1) / total) for w in below))


def test_a_prefix_that_no_word_has_is_absent() -> None:
    found = trie({"can": 1, "cat": 1})
    assert node_of(found, "cab") == ABSENT
    assert node_of(found, "catt") == ABSENT
    assert node_of(found, "x") == ABSENT
    assert found.log_p(node_of(found, "ca")) == -math.inf


def test_the_counts_of_a_word_that_is_there_twice_are_added() -> None:
    found = Trie(["so", "go", "so"], [3, 4, 5], LABELS, 10)
    assert found.words == 2
    assert found.log_p(node_of(found, "so")) == pytest.approx(math.log(9 / 14))


def test_words_that_cannot_be_spelt_are_left_out_and_counted() -> None:
    found = Trie(["don't", "naïve", "", "a" * 11, "ok", "日本"], [1] * 6, LABELS, 10)
    assert (found.words, found.left_out) == (1, 5)
    assert node_of(found, "ok") != ABSENT
    assert node_of(found, "d") == ABSENT


def test_letters_beyond_ascii_are_letters_where_they_are_labels() -> None:
    labels = ("", "ж", "ß", "a")
    found = Trie(["жa", "aß"], [1, 1], labels, 4)
    assert found.words == 2
    assert found.spelling(found.child(found.child(ROOT, 1), 3)) == "жa"


def test_an_empty_list_has_no_word() -> None:
    found = trie({})
    assert (found.words, found.nodes, found.children(ROOT)) == (0, 1, b"")


def test_a_list_is_read_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text('word,count\nthe,23\n"of",13.5\n')
    found = read_trie(str(path), LABELS, 10)
    assert found.words == 2
    assert found.log_p(node_of(found, "of")) == pytest.approx(math.log(14.5 / 38.5))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the,23\n", "must begin with the line word,count, got 'the,23'"),
        ("word,count\nthe\n", "line 2 must be a word and its count, got 'the'"),
        ("word,count\nthe,23\nof,many\n", "line 3 must be a word and its count, got 'of,many'"),
        ("word,count\nthe,-1\n", "line 2: the count must be 0 or more, got -1"),
        ("word,count\nthe,nan\n", "line 2: the count must be 0 or more, got nan"),
        ("word,count\nDON'T,3\n", "no word of .* can be spelt with the letters"),
    ],
)
def test_a_list_that_is_none_is_told_with_its_file_and_line(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "words.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=wanted) as caught:
        lexicon_of(trie_decoder(), {"lexicon": str(path)})
    assert str(path) in str(caught.value)


def test_a_session_without_a_list_is_told() -> None:
    with pytest.raises(ValueError, match="needs the part lexicon"):
        lexicon_of(trie_decoder(), {})


def test_a_users_words_are_found_beside_the_others_and_nothing_is_rebuilt() -> None:
    general, own = trie({"the": 90, "then": 9}), trie({"theo": 5, "the": 1})
    both = Lexicon(general, own)
    at = both.start
    for letter in "the":
        at = both.child(at, LABELS.index(letter))
    assert {LABELS[label] for label in both.children(at)} == {"n", "o"}
    assert both.log_p(at) == pytest.approx(math.log(0.9 * 91 / 101 + 0.1 * 2 / 8))
    theo = both.child(at, LABELS.index("o"))
    assert both.spelling(theo) == "theo"
    assert both.log_p(theo) == pytest.approx(math.log(0.1 * 6 / 8))
    then = both.child(at, LABELS.index("n"))
    assert both.log_p(then) == pytest.approx(math.log(0.9 * 10 / 101))
    assert both.best_log_p(at) >= max(both.log_p(p) for p in (at, theo, then))


def test_without_a_users_list_the_general_one_is_the_whole() -> None:
    alone = Lexicon(trie({"so": 1, "go": 3}))
    at = alone.child(alone.child(alone.start, LABELS.index("g")), LABELS.index("o"))
    assert alone.log_p(at) == pytest.approx(math.log(4 / 6))
    assert alone.best_log_p(alone.start) == alone.log_p(at)


def test_files_of_a_session_become_the_lexicon(tmp_path: Path) -> None:
    general, own = tmp_path / "words.csv", tmp_path / "own.csv"
    general.write_text("word,count\nab,3\n")
    own.write_text("word,count\nba,1\n")
    found = lexicon_of(trie_decoder(), {"lexicon": str(general), "user-lexicon": str(own)})
    assert {LETTERS[label] for label in found.children(found.start)} == {"a", "b"}
