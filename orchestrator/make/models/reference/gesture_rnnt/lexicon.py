"""Make the lexicon: ``python -m ...reference.gesture_rnnt.lexicon FREQUENCIES SCOWL``.

FREQUENCIES is symspellpy's frequency_dictionary_en_82_765.txt, SCOWL the folder /usr/share/dict/scowl of Debian's
package scowl. The list is committed, so this runs only when its definition changes.
"""

import argparse
import re
from pathlib import Path

from orchestrator.make.models.reference.gesture_rnnt.corpus import LEXICON

# SCOWL's sizes say how common a word is; up to 50 are those that people know.
SIZES = (10, 20, 35, 40, 50)
LISTS = ("english-words", "american-words")
WORDS = 20_000
_TYPED = re.compile("[a-z]{2,20}|a|i")


def known_words(scowl: Path) -> set[str]:
    """Words of the lists and sizes that count."""
    files = (scowl / f"{name}.{size}" for name in LISTS for size in SIZES)
    return {word for file in files for word in file.read_text(encoding="latin-1").split()}


def lexicon(frequencies: str, known: set[str], most: int = WORDS) -> str:
    """CSV of the ``most`` frequent words of lower-case letters that are ``known``; a line of ``frequencies`` is a word
    and its count."""
    pairs = (line.split() for line in frequencies.splitlines())
    rows = [(word, int(count)) for word, count in pairs if _TYPED.fullmatch(word) and word in known]
    rows.sort(key=lambda row: -row[1])
    return "word,count\n" + "".join(f"{word},{count}\n" for word, count in rows[:most])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("frequencies", type=Path)
    parser.add_argument("scowl", type=Path)
    given = parser.parse_args()
    LEXICON.write_text(lexicon(given.frequencies.read_text(encoding="utf-8-sig"), known_words(given.scowl)))
