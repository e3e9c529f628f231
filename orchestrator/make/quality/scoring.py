"""From what a device decoded of an evaluation set to the task's metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.contract import StreamContract
from agents.decode import Decoded
from orchestrator.domain.score import HIGHER_IS_BETTER, ItemScore, Score
from orchestrator.errors import BadAudio, SessionFailed
from orchestrator.make.quality.evaluation import EvaluationSet, Utterance
from orchestrator.make.quality.metrics import Track, false_rejects_at_false_accepts, word_errors
from orchestrator.make.quality.ranked_words import top3
from orchestrator.make.quality.voice_activity import Figures, f1

# One false accept in the eight minutes of the reference spotter's track: the fewest that it can tell from none.
FALSE_ACCEPTS_PER_HOUR = 7.5


@dataclass(frozen=True)
class NoMetric:
    """Why there is no score."""

    reason: str


def score(
    session_id: str,
    candidate_key: str,
    contract: StreamContract,
    evaluation: EvaluationSet,
    split: str,
    decoded: Sequence[Decoded],
    *,
    false_accepts_per_hour: float = FALSE_ACCEPTS_PER_HOUR,
) -> Score | NoMetric:
    """The score of an evaluate session: ``decoded`` has one result per utterance of ``split``, in its order.

    ``metric`` by the contract's decoder: keyword gives ``accuracy`` over clips and, on split track, ``frr`` at the
    lowest threshold within ``false_accepts_per_hour``, but never below the contract's own; ctc and rnnt give
    ``wer``; trie gives ``top3`` over words; vad gives ``f1`` over frames; none has no metric. Raises SessionFailed
    where results are missing, BadAudio where the evaluation set does not fit.
    """
    utterances = evaluation.utterances_of(split)
    if contract.decoder.kind == "none":
        return NoMetric(f"model {contract.model} has no decoder, so that there is nothing to compare with a reference")
    if not utterances:
        return NoMetric(f"the evaluation set has no utterance of split {split}")
    if len(decoded) != len(utterances):
        raise SessionFailed(
            f"session {session_id} decoded {len(decoded)} of {len(utterances)} utterances of split {split}",
            failure="internal",
            hint="run it again; if it stays so, the agent on the device is another one than this Earshot's",
        )
    if contract.decoder.kind in ("ctc", "rnnt"):
        metric, items, details = _word_error_rate(utterances, decoded)
    elif contract.decoder.kind == "trie":
        metric, items, details = top3(utterances, decoded)
    elif contract.decoder.kind == "vad":
        metric, items, details = f1(contract, utterances, decoded)
    elif split == "track":
        metric, items, details = _false_rejects(contract, evaluation, utterances, decoded, false_accepts_per_hour)
    else:
        metric, items, details = _accuracy(contract, utterances, decoded)
    errors = sum(i.errors for i in items) / sum(i.count for i in items)
    value = 1.0 - errors if metric in HIGHER_IS_BETTER else errors
    return Score(session_id, candidate_key, metric, value, evaluation.sha256, items, details)


def _accuracy(contract: StreamContract, utterances: Sequence[Utterance], decoded: Sequence[Decoded]) -> Figures:
    strange = sorted({u.text or "" for u in utterances} - set(contract.decoder.labels))
    if strange:
        raise BadAudio(
            f"texts {strange[:5]} of the evaluation set are no labels of {contract.model}",
            hint=f"text must be one of {', '.join(contract.decoder.labels)}",
        )
    wrong = [d["label"] != u.text for u, d in zip(utterances, decoded, strict=True)]
    items = tuple(ItemScore(u.id, float(w), 1.0) for u, w in zip(utterances, wrong, strict=True))
    return "accuracy", items, {"clips": float(len(items)), "wrong": float(sum(wrong))}


def _word_error_rate(utterances: Sequence[Utterance], decoded: Sequence[Decoded]) -> Figures:
    silent = [u.id for u in utterances if not (u.text or "").split()]
    if silent:
        raise BadAudio(f"utterances {silent[:5]} of the evaluation set have no words", hint="give each its text")
    counts = [word_errors(u.text or "", d["text"] or "") for u, d in zip(utterances, decoded, strict=True)]
    items = tuple(ItemScore(u.id, float(e), float(n)) for u, (e, n) in zip(utterances, counts, strict=True))
    errors, words = (float(sum(column)) for column in zip(*counts, strict=True))
    return "wer", items, {"sentences": float(len(items)), "words": words, "errors": errors}


def _false_rejects(
    contract: StreamContract,
    evaluation: EvaluationSet,
    utterances: Sequence[Utterance],
    decoded: Sequence[Decoded],
    false_accepts_per_hour: float,
) -> Figures:
    spoken = [(u, word) for u in utterances for word in u.events]
    if not spoken:
        raise BadAudio(
            "split track of the evaluation set has no events", hint="list its keywords: label, start_s, end_s"
        )
    frame_s = contract.frame_samples() / contract.sample_rate_hz
    tracks = [
        Track(u.span.count / evaluation.sample_rate_hz, u.events, tuple(d["events"]), frame_s)
        for u, d in zip(utterances, decoded, strict=True)
    ]
    found = false_rejects_at_false_accepts(tracks, false_accepts_per_hour)
    items = tuple(
        ItemScore(f"{u.id}:{word.label}@{word.start_s:g}", float(rejected), 1.0)
        for (u, word), rejected in zip(spoken, found.rejected.tolist(), strict=True)
    )
    details = {
        "threshold": max(found.threshold, contract.decoder.threshold),
        "false_accepts_per_hour": found.false_accepts_per_hour,
        "false_accepts_per_hour_allowed": false_accepts_per_hour,
        "keywords": float(len(items)),
        "duration_s": found.duration_s,
    }
    return "frr", items, details
