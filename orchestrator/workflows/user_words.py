"""A user's own words, as a session gets them beside the model's lexicon."""

import hashlib
from pathlib import Path

from agents import wire
from agents.decode.trie import read_trie
from orchestrator.errors import BadInput
from orchestrator.make.models.source import ModelSource


def user_words(source: ModelSource, path: Path | None) -> dict[str, tuple[Path, wire.Blob]]:
    """The file by its part's name (``wire.PARTS``); nothing without one. Raises BadInput that names the line."""
    if path is None:
        return {}
    decoder = source.contract.decoder
    if decoder.kind != "trie":
        raise BadInput(
            f"{source.name} chooses from no list of words, so a user's own change nothing",
            hint="leave --user-words out; gesture-rnnt is a model that has a list",
        )
    try:
        found = read_trie(str(path), decoder.labels, decoder.max_symbols)
        content = path.read_bytes()
    except OSError as exc:
        raise BadInput(
            f"cannot read {path}: {exc.strerror or exc}", hint="name a CSV file of words and counts"
        ) from exc
    except ValueError as exc:
        raise BadInput(f"cannot use the words of {path}: {exc}", hint="a line is like: zuzanek,3") from exc
    if not found.words:
        raise BadInput(
            f"{path} has no word that {source.name} can spell",
            hint=f"it knows the letters {''.join(decoder.labels[1:])}",
        )
    blob = wire.Blob(hashlib.sha256(content).hexdigest(), len(content), ".csv")
    return {wire.USER_LEXICON: (path, blob)}
