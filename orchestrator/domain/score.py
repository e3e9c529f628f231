"""Task quality of one candidate on one evaluation set, item by item."""

from dataclasses import dataclass

# Metrics that are 1 - their error rate.
HIGHER_IS_BETTER = ("accuracy", "f1", "top3")


@dataclass(frozen=True)
class ItemScore:
    """``errors`` out of ``count``: 0 or 1 of 1 for a clip, edit distance over reference words for a sentence, wrong
    frames out of those and twice the right ones of speech for voice activity (so that 1 - F1 is errors / count).
    """

    item: str
    errors: float
    count: float

    def __post_init__(self) -> None:
        if self.errors < 0 or self.count <= 0:
            raise ValueError(f"item {self.item} must have errors >= 0 and count > 0: {self.errors}, {self.count}")


@dataclass(frozen=True)
class Score:
    """``value`` of ``metric`` (accuracy, f1, top3, wer, frr) in 0..1; lower is better but for ``HIGHER_IS_BETTER``.

    ``items`` pair with those of another candidate on the same ``evaluation_sha256`` (hash of the decoded PCM and the
    manifest). ``session_id`` is the evaluate session it was computed from.
    """

    session_id: str
    candidate_key: str
    metric: str
    value: float
    evaluation_sha256: str
    items: tuple[ItemScore, ...]
    details: dict[str, float]

    @property
    def error_rate(self) -> float:
        """sum(errors) / sum(count): what ``quality_loss`` is a difference of, for every metric."""
        return sum(i.errors for i in self.items) / sum(i.count for i in self.items)
