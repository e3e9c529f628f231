"""Words as a trie of flat arrays: what can follow a prefix, which prefixes are words, and how frequent they are.

Nodes are numbered level by level, in the order of their prefixes, so that the children of a node are neighbours.
"""

import csv
import math
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT, ABSENT = 0, -1
# Of ten words that somebody types, about one is theirs rather than the language's: names, terms, slang.
USER_SHARE = 0.1

Words = dict[str, float]
# A node in the general list and one in the user's, ABSENT where it has no such prefix.
Position = tuple[int, int]


def read_words(path: Path) -> Words:
    """A CSV file with the columns word and count."""
    words: Words = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if next(rows, [])[:2] != ["word", "count"]:
            raise ValueError(f"{path} must begin with the line word,count")
        for row in rows:
            words[row[0]] = words.get(row[0], 0.0) + float(row[1])
    return words


class Trie:
    """``words`` with their counts, over ``labels`` of one character; longer ones and those with others are left out."""

    def __init__(self, words: Words, labels: list[str], longest: int) -> None:
        self.letters = labels
        codes = {label: chr(index + 1) for index, label in enumerate(labels) if len(label) == 1}
        table = str.maketrans(codes)
        spelt = {w.translate(table): n for w, n in words.items() if 0 < len(w) <= longest and codes.keys() >= set(w)}
        texts = sorted(spelt)
        cells = (
            np.array([t.encode("latin-1") for t in texts], f"S{longest}").view(np.uint8).reshape(len(texts), longest)
        )
        parents, self.labels, ends = _nodes(cells)
        # Python's arrays: one element of them costs a third of one of numpy's.
        self.parents = array("i", parents.tolist())
        self.first = array("i", (np.searchsorted(parents[1:], np.arange(len(parents) + 1)) + 1).tolist())
        counts = np.array([spelt[t] for t in texts])
        log_p = np.full(len(parents), -math.inf)
        # One more than counted: a word that was never counted is still a word.
        log_p[ends] = np.log((counts + 1.0) / (counts.sum() + len(texts)))
        self.log_p = array("d", log_p.tolist())
        self.best = array("d", self.log_p)
        for node in range(len(self.best) - 1, ROOT, -1):
            parent = self.parents[node]
            self.best[parent] = max(self.best[parent], self.best[node])

    def child(self, node: int, label: int) -> int:
        return self.labels.find(label, self.first[node], self.first[node + 1])

    def children(self, node: int) -> bytes:
        return self.labels[self.first[node] : self.first[node + 1]]

    def spelling(self, node: int) -> str:
        text = ""
        while node != ROOT:
            text, node = self.letters[self.labels[node]] + text, self.parents[node]
        return text


def _nodes(words: NDArray[np.uint8]) -> tuple[NDArray[np.int64], bytes, NDArray[np.int64]]:
    """Of sorted, distinct words as labels + 1, zeros behind: the parent and label of each node, and where words end."""
    count, longest = words.shape
    parents, labels = [np.array([ROOT])], [np.zeros(1, np.uint8)]
    at, ends, lengths = np.zeros(count, np.int64), np.zeros(count, np.int64), (words != 0).sum(axis=1)
    differs = np.arange(count) == 0
    total = 1
    for depth in range(longest):
        column = words[:, depth]
        differs[1:] |= column[1:] != column[:-1]
        new = differs & (column != 0)
        parents.append(at[new])
        labels.append(column[new] - 1)
        at = np.where(column != 0, total - 1 + np.cumsum(new), at)
        ends[lengths == depth + 1] = at[lengths == depth + 1]
        total += int(new.sum())
    return np.concatenate(parents), np.concatenate(labels).tobytes(), ends


class Lexicon:
    """A word list and, where there is one, a user's own: followed together, merged nowhere. A word's probability is a
    mixture of what the two give it."""

    def __init__(self, general: Trie, user: Trie | None = None) -> None:
        self.general, self.user = general, user or general
        self.start: Position = (ROOT, ABSENT if user is None else ROOT)
        self.general_share = 0.0 if user is None else math.log(1.0 - USER_SHARE)
        self.user_share = math.log(USER_SHARE)

    def child(self, at: Position, label: int) -> Position:
        general, user = at
        return (
            ABSENT if general == ABSENT else self.general.child(general, label),
            ABSENT if user == ABSENT else self.user.child(user, label),
        )

    def children(self, at: Position) -> bytes:
        """Labels that can follow; some may be there twice."""
        general, user = at
        following = b"" if general == ABSENT else self.general.children(general)
        return following if user == ABSENT else following + self.user.children(user)

    def log_p(self, at: Position) -> float:
        """-inf where the prefix is no word."""
        return self._mixed(at, self.general.log_p, self.user.log_p)

    def best(self, at: Position) -> float:
        """No word with this prefix has a greater ``log_p``."""
        return self._mixed(at, self.general.best, self.user.best)

    def spelling(self, at: Position) -> str:
        general, user = at
        return self.user.spelling(user) if general == ABSENT else self.general.spelling(general)

    def _mixed(self, at: Position, general: "array[float]", user: "array[float]") -> float:
        of_general = -math.inf if at[0] == ABSENT else general[at[0]] + self.general_share
        return of_general if at[1] == ABSENT else added(of_general, user[at[1]] + self.user_share)


def added(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
