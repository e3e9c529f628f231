"""When each of several streams on one device begins. No numpy: the watchdog reads it too."""

import random
from typing import List


def phases_ns(streams: int, chunk_ns: int, seed: int) -> List[int]:
    """By how much each stream's chunks come after the earliest possible moment, 0..C: uniform, each for itself.

    Clients that know nothing of each other begin like that. All at once would be the worst case, evenly spread the
    best, and a device meets neither. The phases of n streams are those of n + 1 without the last, so that one stream
    more is the same load and one more.
    """
    drawn = random.Random(seed)
    return [int(drawn.random() * chunk_ns) for _ in range(streams)]
