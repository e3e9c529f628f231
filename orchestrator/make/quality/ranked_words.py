"""How often the word that was meant is among the first ones that a decoder offers."""

from collections.abc import Sequence

from agents.decode import Decoded
from orchestrator.domain.score import ItemScore
from orchestrator.errors import BadAudio
from orchestrator.make.quality.evaluation import Utterance
from orchestrator.make.quality.voice_activity import Figures

# Keyboards show three suggestions.
OFFERED = 3


def rank(word: str, offered: Sequence[str]) -> int | None:
    """The place of ``word``, 1 for the first; None where it is not offered."""
    return offered.index(word) + 1 if word in offered else None


def ranks(text: str, decoded: Decoded) -> list[int | None]:
    """The rank of each word of ``text`` in the event of the same number; None for a word without an event."""
    offers = [[ranked["word"] for ranked in event["words"]] for event in decoded["events"]]
    words = text.split()
    return [rank(word, offer) for word, offer in zip(words, [*offers, *[[]] * len(words)], strict=False)]


def top3(utterances: Sequence[Utterance], decoded: Sequence[Decoded]) -> Figures:
    """A word is an error where it is not among the first ``OFFERED``. Raises BadAudio for an utterance without one."""
    silent = [u.id for u in utterances if not (u.text or "").split()]
    if silent:
        raise BadAudio(f"utterances {silent[:5]} of the evaluation set have no words", hint="give each its text")
    found = [ranks(u.text or "", d) for u, d in zip(utterances, decoded, strict=True)]
    items = tuple(
        ItemScore(u.id, float(sum(r is None or r > OFFERED for r in places)), float(len(places)))
        for u, places in zip(utterances, found, strict=True)
    )
    every = [place for places in found for place in places]
    within = {f"top{most}": sum(p is not None and p <= most for p in every) / len(every) for most in (1, OFFERED)}
    return "top3", items, {"words": float(len(every)), **within}
