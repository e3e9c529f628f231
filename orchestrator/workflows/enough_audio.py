"""Before device time is spent: is the evaluation set large enough for the quality that is asked for?"""

import math
from collections.abc import Sequence

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.enough import TooSmall, asked_loss, too_small
from orchestrator.decide.selection.words import percent
from orchestrator.errors import BadAudio
from orchestrator.workflows.prepare import Prepared
from orchestrator.workflows.progress import Progress

_SPLIT = "test"
# Decoders whose score counts words; a keyword's counts clips.
_WORDS = ("ctc", "rnnt", "trie")


def require_enough(prepared: Prepared, constraints: Constraints, progress: Progress) -> None:
    """Raises BadAudio where one error alone is above the limit that somebody asked for; what else could never be shown
    is noted, with how many items are lacking.
    """
    limit = asked_loss(constraints)
    found = None if limit is None else too_small(_counts(prepared), limit)
    if found is None:
        return
    step, loss, more = percent(found.step), percent(found.limit), f"{found.more} more"
    if found.blind and constraints.quality_asked:
        raise BadAudio(
            f"the evaluation set has {found.items} items in split {_SPLIT}, where one error is {step}: it cannot tell "
            f"a loss of {loss}",
            hint=f"add {more} items, or allow more: --max-quality-loss {_allowed(found)}",
        )
    blind = f", and one error is {step}" if found.blind else ""
    progress.note(
        f"the evaluation set has {found.items} items{blind}: it takes {more} to show a loss below {loss}, even where "
        "none of them differs; a candidate that differs in none passes all the same"
    )


def _counts(prepared: Prepared) -> Sequence[float]:
    """Empty where the score counts something else, such as frames."""
    utterances = prepared.needed_evaluation().utterances_of(_SPLIT)
    kind = prepared.source.contract.decoder.kind
    if kind == "keyword":
        return [1.0] * len(utterances)
    return [float(max(1, len((u.text or "").split()))) for u in utterances] if kind in _WORDS else []


def _allowed(found: TooSmall) -> str:
    """The least limit, in whole tenths of a per cent, under which one error more is allowed."""
    return f"{math.ceil(found.step * 1000) / 1000:g}"
