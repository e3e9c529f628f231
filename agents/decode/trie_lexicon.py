"""The words that a search may tell: a large list, and a user's own beside it."""

import math
from functools import lru_cache
from typing import Dict, Optional, Tuple

from agents.contract import Decoder
from agents.decode.trie import ABSENT, ROOT, Trie, read_trie
from agents.wire import LEXICON, USER_LEXICON

# A node in each list, ABSENT where it has no such prefix.
Position = Tuple[int, int]


class Lexicon:
    """A word list and, beside it, a user's own: followed together, merged nowhere.

    A word's probability is a mixture of what the two lists give it, because their counts are not on one scale:
    ``USER_SHARE`` for the user's.
    """

    # Of ten words that somebody types, about one is theirs rather than the language's: names, terms, slang.
    USER_SHARE = 0.1

    def __init__(self, general: Trie, user: Optional[Trie] = None) -> None:
        # Without a list of the user's there is no position in it, so that it does not matter which one stands here.
        self._general, self._user = general, general if user is None else user
        self.start: Position = (ROOT, ABSENT if user is None else ROOT)
        self._general_share = 0.0 if user is None else math.log(1.0 - self.USER_SHARE)
        self._user_share = math.log(self.USER_SHARE)

    def child(self, at: Position, label: int) -> Position:
        """The position one label further, in the lists that go on so."""
        general, user = at
        if general != ABSENT:
            general = self._general.child(general, label)
        if user != ABSENT:
            user = self._user.child(user, label)
        return general, user

    def children(self, at: Position) -> bytes:
        """Labels that can follow in either list; some may be there twice."""
        general, user = at
        following = self._general.children(general) if general != ABSENT else b""
        return following + self._user.children(user) if user != ABSENT else following

    def log_p(self, at: Position) -> float:
        """Natural log of the word's probability; -inf where the prefix is no word."""
        general, user = at
        of_general = self._general.log_p(general) if general != ABSENT else -math.inf
        return self._mixed(of_general, self._user.log_p(user)) if user != ABSENT else of_general + self._general_share

    def best_log_p(self, at: Position) -> float:
        """No word with this prefix has a greater ``log_p``."""
        general, user = at
        of_general = self._general.best_log_p(general) if general != ABSENT else -math.inf
        if user == ABSENT:
            return of_general + self._general_share
        return self._mixed(of_general, self._user.best_log_p(user))

    def spelling(self, at: Position) -> str:
        """The prefix."""
        general, user = at
        return self._general.spelling(general) if general != ABSENT else self._user.spelling(user)

    def _mixed(self, general: float, user: float) -> float:
        general, user = general + self._general_share, user + self._user_share
        low, high = sorted((general, user))
        return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def lexicon_of(decoder: Decoder, files: Dict[str, str]) -> Lexicon:
    """The lexicon of a session's files (wire.PARTS). Raises ValueError that names the file and its line."""
    if LEXICON not in files:
        raise ValueError("the decoder trie needs the part lexicon: a CSV file of words and counts")
    return _lexicon(decoder.labels, decoder.max_symbols, files[LEXICON], files.get(USER_LEXICON))


# Streams that are served in turn have one list in memory.
@lru_cache(maxsize=1)
def _lexicon(labels: Tuple[str, ...], longest: int, general_path: str, user_path: Optional[str]) -> Lexicon:
    user = None if user_path is None else _open(user_path, labels, longest)
    return Lexicon(_open(general_path, labels, longest), user)


def _open(path: str, labels: Tuple[str, ...], longest: int) -> Trie:
    try:
        trie = read_trie(path, labels, longest)
    except (ValueError, OSError) as error:
        raise ValueError(f"cannot use the word list {path}: {error}") from error
    if trie.left_out and not trie.words:
        raise ValueError(f"no word of {path} can be spelt with the letters {''.join(labels)}")
    return trie
