"""A word list as a trie of flat arrays: what can follow a prefix, which prefixes are words, and how frequent they are.

Nodes are numbered level by level, in the order of their prefixes, so that the children of a node are neighbours.
Everything is computed on whole arrays: 80,000 words take a fraction of a second.
"""

import csv
import math
from array import array
from typing import Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

ROOT = 0
ABSENT = -1


class Trie:
    """Words over ``labels`` (index = class; those that are not one character long are in no word).

    ``counts`` are how often each word occurs, 0 or more; a word that is there twice has their sum. Words that are
    empty, longer than ``longest``, or hold a character that is no label are ``left_out``, by number.
    """

    def __init__(self, words: Sequence[str], counts: Sequence[float], labels: Sequence[str], longest: int) -> None:
        if len(words) != len(counts):
            raise ValueError(f"need a count for each word, got {len(words)} words and {len(counts)} counts")
        self._letters = labels
        spelt, kept = _spelt(words, labels, longest)
        # As bytes: sorted many times faster than rows.
        texts, place = np.unique(spelt.reshape(-1).view(f"S{longest}"), return_inverse=True)
        self.words, self.left_out = len(texts), len(words) - int(kept.sum())
        parents, self._labels, ends = _nodes(texts.view(np.uint8).reshape(len(texts), longest))
        # Python's arrays: one element of them costs a third of one of numpy's.
        self._parents = array("i", parents.tolist())
        self._first = array("i", (np.searchsorted(parents[1:], np.arange(len(parents) + 1)) + 1).tolist())
        frequencies = np.bincount(place, np.asarray(counts, dtype=np.float64)[kept], len(texts))
        # One more than counted for every word: one that was never counted is still a word.
        log_p = np.full(len(parents), -math.inf)
        log_p[ends] = np.log((frequencies + 1.0) / (frequencies.sum() + len(texts)))
        self._log_p: array[float] = array("d", log_p.tolist())
        self._best = self._best_below()

    def _best_below(self) -> "array[float]":
        best = array("d", self._log_p)
        for node in range(len(best) - 1, ROOT, -1):
            parent = self._parents[node]
            if best[node] > best[parent]:
                best[parent] = best[node]
        return best

    @property
    def nodes(self) -> int:
        return len(self._parents)

    def child(self, node: int, label: int) -> int:
        """The node of the prefix with ``label`` added, or ABSENT."""
        return self._labels.find(label, self._first[node], self._first[node + 1])

    def children(self, node: int) -> bytes:
        """The labels that can follow."""
        return self._labels[self._first[node] : self._first[node + 1]]

    def log_p(self, node: int) -> float:
        """Natural log of the share of this word among all occurrences; -inf where the prefix is no word."""
        return self._log_p[node]

    def best_log_p(self, node: int) -> float:
        """The greatest ``log_p`` of the words that begin with this prefix."""
        return self._best[node]

    def spelling(self, node: int) -> str:
        """The prefix."""
        letters = []
        while node != ROOT:
            letters.append(self._letters[self._labels[node]])
            node = self._parents[node]
        return "".join(reversed(letters))


def read_trie(path: str, labels: Sequence[str], longest: int) -> Trie:
    """The trie of a CSV file with the columns ``word`` and ``count``. Raises ValueError that names the line."""
    words: List[str] = []
    counts: List[float] = []
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if header[:2] != ["word", "count"]:
            raise ValueError(f"a word list must begin with the line word,count, got {','.join(header)!r}")
        for number, row in enumerate(rows, start=2):
            try:
                word, count = row[0], float(row[1])
            except (IndexError, ValueError):
                raise ValueError(f"line {number} must be a word and its count, got {','.join(row)!r}") from None
            if not 0.0 <= count < math.inf:
                raise ValueError(f"line {number}: the count must be 0 or more, got {row[1]}")
            words.append(word)
            counts.append(count)
    return Trie(words, counts, labels, longest)


def _spelt(words: Sequence[str], labels: Sequence[str], longest: int) -> Tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The words that can be spelt, as labels + 1 with zeros behind, (n, longest); and which those are."""
    classes: Dict[str, int] = {label: index + 1 for index, label in enumerate(labels) if len(label) == 1}
    if not classes or len(labels) > 254:
        raise ValueError(f"a trie needs 1 to 254 labels of one character, got {len(labels)}")
    table = np.zeros(1 + max(map(ord, classes)), dtype=np.uint8)
    for letter, number in classes.items():
        table[ord(letter)] = number
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    fits = (lengths > 0) & (lengths <= longest)
    codes = np.array([word if fit else "" for word, fit in zip(words, fits)], dtype=f"<U{longest}")
    points = codes.view(np.uint32).reshape(len(words), longest)
    spelt = np.where(points < len(table), table[np.minimum(points, len(table) - 1)], 0).astype(np.uint8)
    kept = fits & ((spelt != 0).sum(axis=1) == lengths)
    return spelt[kept], kept


def _nodes(words: NDArray[np.uint8]) -> Tuple[NDArray[np.int64], bytes, NDArray[np.int64]]:
    """Of sorted, distinct words: the parent and label of each node, and the node at which each word ends."""
    count, longest = words.shape
    parents, labels = [np.array([ROOT])], [np.zeros(1, dtype=np.uint8)]
    at = np.zeros(count, dtype=np.int64)
    ends = np.zeros(count, dtype=np.int64)
    lengths = (words != 0).sum(axis=1)
    differs = np.ones(count, dtype=np.bool_)
    if count:
        differs[1:] = False
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
    return np.concatenate(parents), bytes(np.concatenate(labels).astype(np.uint8)), ends
