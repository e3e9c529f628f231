"""The keyboard of the swipe-typing model, and its front end."""

from agents.contract import Frontend, Key

# Letters of each row, and where the first key's left edge is, in key widths: the phone keyboards' QWERTY.
ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.5), ("zxcvbnm", 1.5))
KEY_WIDTH = 0.1
# A key is about half as high again as it is wide on phones held upright.
KEY_HEIGHT = 0.15


def keys() -> tuple[Key, ...]:
    """The 26 letters in the order of the alphabet."""
    placed = [
        Key(letter, (left + column + 0.5) * KEY_WIDTH, (row + 0.5) * KEY_HEIGHT)
        for row, (letters, left) in enumerate(ROWS)
        for column, letter in enumerate(letters)
    ]
    return tuple(sorted(placed, key=lambda key: key.letter))


FRONTEND = Frontend("touch", hop_samples=2, keys=keys(), key_width=KEY_WIDTH, key_height=KEY_HEIGHT)
LABELS = ("<blank>", *(key.letter for key in FRONTEND.keys))
BLANK = 0
SAMPLE_RATE_HZ = 200
POINTS_PER_S = 100
