"""The swipe-typing model's words and traces: what trains, what tests, and what is committed of it."""

import csv
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.touch import ORIGIN, UNITS_PER_WIDTH, Touch
from orchestrator.make.models.reference.gesture_rnnt import corpus, evaluation, lexicon
from orchestrator.make.models.reference.gesture_rnnt.layout import FRONTEND, LABELS, POINTS_PER_S
from orchestrator.make.models.reference.gesture_rnnt.traces import draw_user, swipe
from orchestrator.make.quality.evaluation import EvaluationSet, load_evaluation


@pytest.fixture(scope="module")
def committed() -> EvaluationSet:
    return load_evaluation(evaluation.FOLDER / evaluation.MANIFEST_FILE, 200)


def points(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Where the finger was, in keyboard widths; only where it touched."""
    pairs = samples.reshape(-1, 2).astype(np.float64)
    return (pairs[pairs[:, 0] != 0] - ORIGIN) / UNITS_PER_WIDTH


def test_the_lexicon_is_words_of_the_keyboard_by_frequency() -> None:
    with corpus.LEXICON.open(newline="") as file:
        rows = [(row["word"], int(row["count"])) for row in csv.DictReader(file)]
    assert len({word for word, _ in rows}) == len(rows) == 20_000
    assert {letter for word, _ in rows for letter in word} == set(LABELS[1:])
    assert [count for _, count in rows] == sorted((count for _, count in rows), reverse=True)


def test_a_lexicon_is_the_frequent_words_that_are_known(tmp_path: Path) -> None:
    for name in lexicon.LISTS:
        for size in lexicon.SIZES:
            (tmp_path / f"{name}.{size}").write_text("the\nof\nna\xefve\nI\n", encoding="latin-1")
    (tmp_path / "english-words.10").write_text("rare a x\n", encoding="latin-1")
    known = lexicon.known_words(tmp_path)
    counted = "of 9\nthe 12\nx 99\nthx 50\nrare 1\nI 70\nna\xefve 30\na 5\n"
    assert lexicon.lexicon(counted, known, 3) == "word,count\nthe,12\nof,9\na,5\n"


def test_no_word_is_in_two_splits() -> None:
    splits = {split: set(corpus.words(split)) for split in ("train", "choice", "test")}
    for one, other in itertools.combinations(splits.values(), 2):
        assert not one & other
    assert 1_800 < len(splits["test"]) < 2_200
    assert sum(map(len, splits.values())) == 20_000 - len({"a", "i"})


def test_what_trains_are_training_words_and_splices_of_them() -> None:
    swipes = corpus.Swipes(3)
    swipes.words = swipes.words[:64]
    made = ["".join(LABELS[label] for label in s.labels) for batch in swipes.epoch(8) for s in batch]
    invented = [word for word in made if word not in swipes.words]
    assert len(made) == 64
    assert 4 <= len(invented) <= 32
    assert max(map(len, invented)) <= corpus.LONGEST_INVENTED


def test_the_committed_set_tests_words_that_never_train_and_users_of_its_own(committed: EvaluationSet) -> None:
    tested, known = (committed.utterances_of(split) for split in ("test", "calibration"))
    assert (len(tested), len(known)) == (300, 60)
    assert {corpus.split_of(u.text or "") for u in tested} == {"test"}
    assert {corpus.split_of(u.text or "") for u in known} == {"train"}
    assert len({u.text for u in tested}) == 300
    assert set(Counter(u.speaker for u in tested).values()) == {10}


def test_the_committed_traces_are_what_the_script_makes(committed: EvaluationSet) -> None:
    made = evaluation.make()
    assert evaluation.manifest(made) == (evaluation.FOLDER / evaluation.MANIFEST_FILE).read_text()
    # Another version of scipy may round the last bit of a spline otherwise.
    difference = np.concatenate([t.samples for t in made]).astype(int) - committed.samples_all
    assert np.abs(difference).max() <= 1


def test_a_trace_is_whole_chunks_and_ends_with_a_lifted_finger(committed: EvaluationSet) -> None:
    touch = Touch(FRONTEND)
    for utterance in committed.utterances:
        samples = committed.samples(utterance)
        assert len(samples) % (2 * corpus.CHUNK_POINTS) == 0
        corpus.features_of(touch, samples)
        assert touch.phase == "lifted"
        (event,) = utterance.events
        assert event.label == utterance.text
        assert round((event.end_s - event.start_s) * POINTS_PER_S) == len(points(samples))


@pytest.mark.parametrize("word", ["typing", "letters", "of", "minimum", "queue"])
def test_a_swipe_passes_the_keys_of_its_word_in_their_order(word: str) -> None:
    rng = np.random.default_rng(7)
    centres = {key.letter: (key.x, key.y) for key in FRONTEND.keys}
    for _ in range(20):
        path = points(swipe(word, draw_user(rng), rng))
        from_here = 0
        for letter in word:
            away = np.abs(path[from_here:] - centres[letter]) / (FRONTEND.key_width, FRONTEND.key_height)
            # A finger that misses by more than a key and a half is no swipe of this word any more.
            close = np.flatnonzero(away.max(axis=1) < 1.5)
            assert len(close), (word, letter)
            from_here += int(close[0])


def test_a_swipe_has_a_bell_of_speed_between_two_keys_and_rests_at_its_ends() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        path = points(swipe("pa", draw_user(rng), rng))
        speed = np.linalg.norm(np.diff(path, axis=0), axis=1)
        quarter = len(speed) // 4
        assert speed[quarter:-quarter].mean() > 2 * max(speed[:3].mean(), speed[-3:].mean())


def test_users_differ_more_from_each_other_than_swipes_of_one() -> None:
    rng = np.random.default_rng(2)
    users = [draw_user(rng) for _ in range(40)]
    lengths = np.array([[len(swipe("keyboard", user, rng)) for _ in range(10)] for user in users], dtype=np.float64)
    assert lengths.mean(axis=1).std() > 2 * lengths.std(axis=1).mean()


def test_a_single_letter_is_a_tap() -> None:
    rng = np.random.default_rng(4)
    tap = points(swipe("a", draw_user(rng), rng))
    assert 2 <= len(tap) <= 20
    assert np.ptp(tap, axis=0).max() < FRONTEND.key_width / 2
