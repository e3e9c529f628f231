"""Touch traces as a stream of samples, and the front end that makes features of them.

A trace is sampled at even times. Each point is two int16 samples, x and then y, so that a stream of 100 points a
second has a rate of 200 Hz and travels as mono audio does. A sample is ``ORIGIN`` + the distance from the keyboard's
left (x) or upper (y) edge in units of 1/``UNITS_PER_WIDTH`` of the keyboard's width. x = 0 says that nothing touches
the keyboard: silence is a lifted finger, and so is padding.
"""

from typing import Any, Tuple

import numpy as np
from numpy.typing import NDArray

from agents.contract import Frontend, Key

UNITS_PER_WIDTH = 16384
# A quarter of a width beyond the left and upper edges, three quarters beyond the right one, stay representable.
ORIGIN = 4096
LARGEST = 32767
SAMPLES_PER_POINT = 2

# x, y, dx, dy, speed, sine and cosine of the turn, touched; then how near each key is.
MOTION_FEATURES = 8
# A key's nearness is 1 / (1 + (d / this)^2)^2 with d in key widths and heights: 1 on it, 0.07 on its neighbour.
NEAR_KEYS = 0.6
# Displacements are told per this many points, so that a swipe's are around 1.
STEP_POINTS = 10.0
# Squared length in key widths below which a step has no direction to speak of.
STILL = 4e-4

IDLE, DOWN, LIFTED = "idle", "down", "lifted"


def encode(points: NDArray[Any]) -> NDArray[np.int16]:
    """Points (n, 2) in keyboard widths from its upper left corner, to 2n samples; clipped to what fits."""
    units = np.rint(np.asarray(points, dtype=np.float64) * UNITS_PER_WIDTH) + ORIGIN
    return np.asarray(np.clip(units, 1, LARGEST), dtype=np.int16).reshape(-1)


class Touch:
    """Features of each point, float32, shape (points, MOTION_FEATURES + keys); zeros where nothing touches.

    x and y go from -1 to 1 over the centres of the keys. dx and dy are key widths and heights in ``STEP_POINTS``
    points, speed is their length in key widths. All arithmetic is +, -, *, / and square roots of float64, one element
    at a time: the result depends neither on the chunking nor on the machine, bit for bit.

    ``phase`` is of the last chunk: "idle" where nothing touched in the stream so far, "down" where its last point
    touches, "lifted" where it does not, but an earlier one did: the trace is complete and the stream is to start anew.
    A finger that lifts and comes back within one chunk has not lifted.
    """

    def __init__(self, frontend: Frontend) -> None:
        if frontend.kind != "touch":
            raise ValueError(f"Touch needs a touch frontend, got {frontend.kind!r}")
        keys = frontend.keys
        self._x, self._y = (np.array([getattr(k, axis) for k in keys]) for axis in ("x", "y"))
        self._width, self._height = frontend.key_width, frontend.key_height
        self._centre, self._half = _extent(keys)
        self._last = np.zeros((2, 3))
        self.width = MOTION_FEATURES + len(keys)
        self.reset()

    def reset(self) -> None:
        self._last[:] = 0.0
        self.phase = IDLE

    def push_into(self, samples: NDArray[Any], out: NDArray[np.float32]) -> int:
        if samples.dtype != np.int16 or samples.ndim != 1 or len(samples) % SAMPLES_PER_POINT:
            raise ValueError(f"samples must be pairs of int16, got {samples.dtype} of shape {samples.shape}")
        points = len(samples) // SAMPLES_PER_POINT
        rows = out.reshape(-1, self.width)
        if len(rows) < points:
            raise ValueError(f"{len(samples)} samples are {points} points, out holds {len(rows)}")
        touched = samples[0::2] != 0
        self._fill(samples.reshape(-1, 2), touched, rows[:points])
        if points:
            touched_before = self.phase != IDLE
            self.phase = DOWN if touched[-1] else LIFTED if touched_before or touched.any() else IDLE
        return points

    def _fill(self, samples: NDArray[Any], touched: NDArray[np.bool_], rows: NDArray[np.float32]) -> None:
        """``self._last``: the two points before, each (x, y, touched). A step needs two that touch, a turn three."""
        at = np.empty((len(samples) + 2, 2))
        at[:2] = self._last[:, :2]
        np.subtract(samples, float(ORIGIN), out=at[2:])
        at[2:] /= UNITS_PER_WIDTH
        down = np.concatenate([self._last[:, 2] != 0.0, touched])
        step = at[1:] - at[:-1]
        step /= (self._width, self._height)
        step[~(down[1:] & down[:-1])] = 0.0
        rows[:, :2] = (at[2:] - self._centre) / self._half
        rows[:, 2:4] = step[1:] * STEP_POINTS
        # Lengths and angles are those of the screen: heights in key widths.
        _fill_motion(step * (1.0, self._height / self._width), rows[:, 4:7])
        rows[:, 7] = 1.0
        self._fill_nearness(at[2:], rows[:, MOTION_FEATURES:])
        rows[~touched] = 0.0
        self._last[:, :2], self._last[:, 2] = at[-2:], down[-2:]

    def _fill_nearness(self, at: NDArray[np.float64], near: NDArray[np.float32]) -> None:
        across = (at[:, :1] - self._x) / (self._width * NEAR_KEYS)
        along = (at[:, 1:] - self._y) / (self._height * NEAR_KEYS)
        root = 1.0 / (1.0 + across * across + along * along)
        near[:] = root * root


def _fill_motion(step: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    """Speed, sine and cosine of the turn, of each step but the first."""
    before, now = step[:-1], step[1:]
    squared = step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1]
    both = np.sqrt(squared[:-1] * squared[1:]) + STILL
    out[:, 0] = np.sqrt(squared[1:]) * STEP_POINTS
    out[:, 1] = (before[:, 0] * now[:, 1] - before[:, 1] * now[:, 0]) / both
    out[:, 2] = (before[:, 0] * now[:, 0] + before[:, 1] * now[:, 1]) / both


def _extent(keys: Tuple[Key, ...]) -> Tuple[Tuple[float, float], Tuple[float, float]]:
    """Centre and half size of the box around the keys' centres; a size of 0 counts as 1."""
    xs, ys = [k.x for k in keys], [k.y for k in keys]
    centre = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    half = ((max(xs) - min(xs)) / 2 or 1.0, (max(ys) - min(ys)) / 2 or 1.0)
    return centre, half
