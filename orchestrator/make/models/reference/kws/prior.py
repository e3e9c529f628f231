"""Of what the keyword spotter's training segments are made, and which prior that teaches it."""

from orchestrator.make.models.reference.kws import words

UNKNOWN = words.LABELS.index("unknown")
SHARES = {"keyword": 0.62, "other": 0.2, "sentence": 0.1, "nothing": 0.08}
# One word in three is followed by another one, which is a keyword or another word alike.
SECOND_WORD_SHARE = 1 / 3


def unknown_prior_ratio() -> float:
    """How much more often a segment says "unknown" than any one keyword: the training set's prior, not the world's.

    The export takes its logarithm off the logit of "unknown" (``modules.load``), so that every label starts even, as in
    the evaluation set and as a decision threshold expects it.
    """
    second = SECOND_WORD_SHARE * (SHARES["keyword"] + SHARES["other"]) / 2
    return (SHARES["other"] + second) / ((SHARES["keyword"] + second) / len(words.KEYWORDS))
