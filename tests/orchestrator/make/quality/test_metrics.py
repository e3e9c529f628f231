"""Task metrics against answers worked out by hand, and against a plain recursive edit distance."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decode import Event
from orchestrator.make.quality import metrics
from orchestrator.make.quality.metrics import Spoken, Track


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors", "words"),
    [
        ("one two three", "one two three", 0, 3),
        ("one two three", "one three", 1, 3),
        ("one two", "one nine two", 1, 2),
        ("one two", "two one", 2, 2),
        ("one", "", 1, 1),
        ("", "one two", 2, 0),
        ("", "", 0, 0),
    ],
)
def test_word_errors_by_hand(reference: str, hypothesis: str, errors: int, words: int) -> None:
    assert metrics.word_errors(reference, hypothesis) == (errors, words)


def plain_distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    @cache
    def go(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        return min(go(i - 1, j) + 1, go(i, j - 1) + 1, go(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return go(len(a), len(b))


WORDS = st.lists(st.sampled_from(["one", "two", "three"]), max_size=7)


@given(WORDS, WORDS)
def test_word_errors_equal_a_plain_edit_distance(reference: list[str], hypothesis: list[str]) -> None:
    expected = plain_distance(tuple(reference), tuple(hypothesis))
    assert metrics.word_errors(" ".join(reference), " ".join(hypothesis)) == (expected, len(reference))


def test_wer_weighs_items_by_their_words_and_keeps_them() -> None:
    errors = metrics.wer(["one two three", "nine"], ["one two three", "five"])
    assert errors.rate == 0.25
    assert errors.errors.tolist() == [0, 1]
    assert errors.words.tolist() == [3, 1]
    assert metrics.wer(["one"], ["one two three"]).rate == 2.0


def test_accuracy_and_its_breakdown() -> None:
    said, heard = ["yes", "no", "no", "go"], ["yes", "go", "go", "go"]
    assert metrics.accuracy(said, heard).rate == 0.5
    assert metrics.accuracy(said, heard).correct.tolist() == [True, False, False, True]
    assert metrics.error_breakdown(said, heard) == {("no", "go"): 2}


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        metrics.accuracy([], [])
    with pytest.raises(ValueError, match="at least one reference word"):
        metrics.wer([""], ["one"])
    with pytest.raises(ValueError, match="shorter"):
        metrics.wer(["one", "two"], ["one"])
    with pytest.raises(ValueError, match="at least one spoken keyword"):
        metrics.false_rejects_at_false_accepts([], 1.0)


def event(label: str, at_s: float, score: float) -> Event:
    return {"label": label, "frame": round(at_s * 100) - 1, "score": score}


SPOKEN = (Spoken("yes", 1.0, 1.4), Spoken("no", 3.0, 3.3), Spoken("yes", 6.0, 6.5))
HEARD = (
    event("yes", 1.5, 0.9),  # a hit
    event("yes", 1.7, 0.7),  # the same keyword again
    event("no", 3.9, 0.8),  # too late: false
    event("go", 6.2, 0.6),  # another keyword: false
    event("yes", 6.3, 0.55),  # a weak hit
)


def track(duration_s: float = 3600.0) -> Track:
    return Track(duration_s, SPOKEN, HEARD, frame_s=0.01)


@pytest.mark.parametrize(
    ("budget", "rejected", "false_accepts"),
    [
        (0.0, [False, True, True], 0),  # above 0.8
        (1.0, [False, True, True], 1),  # above 0.6
        (2.0, [False, True, False], 2),  # anything goes
        (1.9, [False, True, True], 1),
    ],
)
def test_false_rejects_at_a_budget(budget: float, rejected: list[bool], false_accepts: int) -> None:
    got = metrics.false_rejects_at_false_accepts([track()], budget)
    assert got.rejected.tolist() == rejected
    assert got.false_accepts == false_accepts
    assert got.false_accepts_per_hour <= budget


def test_the_budget_grows_with_the_length_of_the_tracks() -> None:
    assert metrics.false_rejects_at_false_accepts([track(1800.0)], 2.0).false_accepts == 1
    assert metrics.false_rejects_at_false_accepts([track(1800.0), track(1800.0)], 2.0).false_accepts == 2
    assert metrics.false_rejects_at_false_accepts([track(7200.0)], 1.0).false_accepts == 2


def test_tolerance_decides_what_belongs_to_a_keyword() -> None:
    wide = metrics.match(track(), tolerance_s=0.7)
    assert wide.scores == pytest.approx([0.9, 0.8, 0.55])
    assert wide.false_scores == pytest.approx([0.6])
    narrow = metrics.match(track(), tolerance_s=0.05)
    assert narrow.scores == pytest.approx([-1.0, -1.0, 0.55])


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), max_size=20), st.floats(0, 4000))
def test_the_budget_always_holds_and_more_budget_never_rejects_more(
    heard: list[tuple[float, float]], budget: float
) -> None:
    events = tuple(event("yes", at_s, score) for at_s, score in heard)
    one = Track(10.0, SPOKEN, events, frame_s=0.01)
    got = metrics.false_rejects_at_false_accepts([one], budget)
    assert got.false_accepts_per_hour <= budget + 1e-6
    more = metrics.false_rejects_at_false_accepts([one], budget * 2 + 400)
    assert np.all(more.rejected <= got.rejected)


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="false_accepts_per_hour must be >= 0, got -1"):
        metrics.false_rejects_at_false_accepts([track()], -1)
