"""The order of sessions on one device: interleaved, seeded, mirrored from block to block.

Candidates are never measured one after another in blocks of their own: a device that drifts by 5 % while they are
would credit the drift to the candidates. Each block holds every candidate once; each second block is the mirror of the
one before it (ABBA), so that a linear drift cancels within the pair.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def block_order(items: Sequence[T], block: int, seed: int) -> list[T]:
    """The order of ``items`` in block ``block`` >= 0; the same for the same arguments, in any process."""
    if block < 0:
        raise ValueError(f"block must be >= 0, got {block}")
    order = list(items)
    random.Random(f"{seed}/{block // 2}").shuffle(order)
    return order if block % 2 == 0 else order[::-1]
