import dataclasses
from collections.abc import Sequence

import pytest

from agents.contract import Decoder, StepContract, TensorSpec
from agents.contract import StatePair as State
from agents.decode import Decoded
from orchestrator.domain.score import ItemScore, Score
from orchestrator.errors import BadAudio
from orchestrator.make.quality.ranked_words import rank, ranks
from orchestrator.make.quality.scoring import score
from tests.orchestrator.make.quality.test_scoring import contract, evaluation

STEP = StepContract(
    token=TensorSpec("token", (1,), "int64"),
    frame=TensorSpec("frame", (1, 3)),
    states=(State("h_in", "h_out", (1, 2)),),
    logits=TensorSpec("logits", (1, 3)),
)
TRIE = dataclasses.replace(
    contract(Decoder("none", labels=("", "a", "b"))), decoder=Decoder("trie", labels=("", "a", "b")), search=STEP
)


def heard(*offers: Sequence[str]) -> Decoded:
    """A word for each offer, best first."""
    events = [
        {
            "label": offer[0],
            "frame": i,
            "score": 0.5,
            "words": [{"word": word, "score": 1 / len(offer)} for word in offer],
        }
        for i, offer in enumerate(offers)
    ]
    return {"kind": "trie", "events": events, "label": None, "text": "", "posteriors": None}  # type: ignore[typeddict-item]


def test_the_rank_is_the_place_among_what_is_offered() -> None:
    assert [rank(word, ["so", "do", "go"]) for word in ("so", "go", "to")] == [1, 3, None]


def test_words_are_ranked_each_in_its_own_event() -> None:
    assert ranks("so do", heard(["so", "to"], ["go", "do"])) == [1, 2]
    assert ranks("so do", heard(["so"])) == [1, None]
    assert ranks("so", heard(["to"], ["so"])) == [None]


def test_the_first_three_count_as_right() -> None:
    decoded = [heard(["so"]), heard(["do", "to", "so"]), heard(["a", "b", "do", "so"]), heard()]
    result = score("s", "key", TRIE, evaluation("so", "so", "so", "so"), "test", decoded)
    assert isinstance(result, Score)
    assert (result.metric, result.value, result.error_rate) == ("top3", 0.5, 0.5)
    assert result.items == tuple(ItemScore(f"u{i}", errors, 1.0) for i, errors in enumerate((0.0, 0.0, 1.0, 1.0)))
    assert result.details == {"words": 4.0, "top1": 0.25, "top3": 0.5}


def test_an_utterance_without_a_word_is_refused() -> None:
    with pytest.raises(BadAudio, match=r"utterances \['u0'\] .* have no words"):
        score("s", "key", TRIE, evaluation(None), "test", [heard(["so"])])
