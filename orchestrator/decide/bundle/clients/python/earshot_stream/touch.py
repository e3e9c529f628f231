"""A finger's path as features: where it is, how it moves, and how near each key is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# A sample is ORIGIN + the distance from the keyboard's left or upper edge in 1/UNITS of its width; x = 0: no touch.
UNITS, ORIGIN = 16384, 4096
NEAR_KEYS, STEP_POINTS, STILL = 0.6, 10.0, 4e-4


class Touch:
    """x and y in turn to features of each point; zeros where nothing touches.

    ``phase``: "idle" where nothing has touched yet, "down" where the last point touches, "lifted" where the trace is
    complete.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.keys = np.array([[key["x"], key["y"]] for key in spec["keys"]])
        low, high = self.keys.min(axis=0), self.keys.max(axis=0)
        self.centre, self.half = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        self.size = np.array([spec["key_width"], spec["key_height"]])
        self.reset()

    def reset(self) -> None:
        """The last two points, and whether they touched."""
        self.at, self.down = np.zeros((2, 2)), np.zeros(2, np.bool_)
        self.phase = "idle"

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        points = samples.reshape(-1, 2)
        touched = points[:, 0] != 0
        at = np.concatenate([self.at, (points - float(ORIGIN)) / UNITS])
        down = np.concatenate([self.down, touched])
        step = (at[1:] - at[:-1]) / self.size
        step[~(down[1:] & down[:-1])] = 0.0
        place = (at[2:] - self.centre) / self.half
        rows = np.hstack([place, step[1:] * STEP_POINTS, self._motion(step), np.ones((len(points), 1)), self._near(at)])
        rows[~touched] = 0.0
        self.at, self.down = at[-2:], down[-2:]
        if len(points):
            before = self.phase != "idle"
            self.phase = "down" if touched[-1] else "lifted" if before or touched.any() else "idle"
        return rows

    def _motion(self, step: NDArray[Any]) -> NDArray[Any]:
        """Speed, sine and cosine of the turn, with heights in key widths as on the screen."""
        step = step * (1.0, self.size[1] / self.size[0])
        before, now = step[:-1], step[1:]
        squared = step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1]
        both = np.sqrt(squared[:-1] * squared[1:]) + STILL
        sine = (before[:, 0] * now[:, 1] - before[:, 1] * now[:, 0]) / both
        cosine = (before[:, 0] * now[:, 0] + before[:, 1] * now[:, 1]) / both
        return np.stack([np.sqrt(squared[1:]) * STEP_POINTS, sine, cosine], axis=1)

    def _near(self, at: NDArray[Any]) -> NDArray[Any]:
        away = (at[2:, None] - self.keys) / (self.size * NEAR_KEYS)
        root = 1.0 / (1.0 + away[:, :, 0] * away[:, :, 0] + away[:, :, 1] * away[:, :, 1])
        return np.asarray(root * root)
