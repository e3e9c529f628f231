"""Synthetic swipes: what a finger does on its way through the keys of a word. Needs scipy.

A swipe is the path of least jerk through the points that the finger aims at (Flash and Hogan, The Coordination of Arm
Movements, J. Neuroscience 5, 1985; with via points it is a quintic spline at rest at both ends), and a segment takes
the time of Fitts's law, a + b log2(distance / key + 1) (MacKenzie, Human-Computer Interaction 7, 1992). Aim, timing,
cut corners, overshoot, rests on double letters and tremor differ from swipe to swipe around the user's own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from agents.touch import encode
from orchestrator.make.models.reference.gesture_rnnt.layout import FRONTEND, KEY_HEIGHT, KEY_WIDTH, POINTS_PER_S

_KEY = np.array([KEY_WIDTH, KEY_HEIGHT])
_MIDDLE = np.array([0.5, 1.5 * KEY_HEIGHT])
_CENTRES = {key.letter: np.array([key.x, key.y]) for key in FRONTEND.keys}
# Hands tremble at 8 to 12 Hz (Elble and Koller, Tremor, 1990).
TREMOR_HZ = (8.0, 12.0)
# Times of samples differ from even ones by about a millisecond: the touch controller's clock against the screen's.
JITTER_S = 0.001
LEAST_SEGMENT_S = 0.04


@dataclass(frozen=True)
class User:
    """How somebody swipes. Lengths in key widths (x) and heights (y), shape (2,), times in seconds.

    ``bias``: where the finger lands beside the point that it aims at; ``aim``: standard deviation of the rest.
    ``scale``, ``slant``: of the keyboard as it is felt; ``fitts``: a and b; ``cut``: how far a corner is drawn to the
    middle of its neighbours, 0..1; ``overshoot``: how far past a corner the finger goes; ``tremor``: amplitude.
    """

    bias: NDArray[np.float64]
    aim: NDArray[np.float64]
    scale: NDArray[np.float64]
    slant: float
    fitts: tuple[float, float]
    cut: float
    overshoot: float
    rests: float
    tremor: float


def draw_user(rng: np.random.Generator) -> User:
    """A user: every trait independent of the others."""
    pace = rng.lognormal(0.0, 0.25)
    return User(
        bias=rng.normal(0.0, (0.10, 0.08)),
        aim=rng.lognormal(np.log((0.16, 0.13)), 0.2),
        scale=rng.normal(1.0, (0.02, 0.04)),
        slant=rng.normal(0.0, 0.05),
        fitts=(0.06 * pace, 0.075 * pace),
        cut=rng.uniform(0.0, 0.2),
        overshoot=rng.uniform(0.0, 0.2),
        rests=rng.uniform(0.2, 0.9),
        tremor=rng.uniform(0.005, 0.02),
    )


def swipe(word: str, user: User, rng: np.random.Generator) -> NDArray[np.int16]:
    """The samples of one swipe of ``word`` (letters a to z), from touch-down to the last point that touches."""
    aims, durations = _plan(word, user, rng)
    begin_s, end_s = rng.uniform(0.02, 0.08, 2)
    if len(aims) == 1:
        points = np.repeat(aims, max(2, round((begin_s + end_s) * POINTS_PER_S)), axis=0)
    else:
        points = _trajectory(aims, durations, begin_s, end_s, rng)
    return encode(points + _tremor(len(points), user.tremor, rng))


def _plan(word: str, user: User, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points that the finger goes through, (n, 2), and the seconds between them, (n - 1,)."""
    centres = np.array([_CENTRES[letter] for letter in word])
    repeated = np.concatenate([[False], (centres[1:] == centres[:-1]).all(axis=1)])
    # On a double letter some rest for a moment, others make no difference.
    kept = ~repeated | (rng.random(len(word)) < user.rests)
    centres, repeated = centres[kept], repeated[kept]
    felt = (centres - _MIDDLE) * user.scale + _MIDDLE
    felt[:, 0] += user.slant * (felt[:, 1] - _MIDDLE[1])
    aims = felt + (user.bias + rng.normal(0.0, 1.0, felt.shape) * user.aim) * _KEY
    again = np.flatnonzero(repeated)
    for index in again:
        aims[index] = aims[index - 1] + rng.normal(0.0, 0.08, 2) * _KEY
    aims = _corners(aims, user, rng)
    keys = np.linalg.norm(np.diff(aims, axis=0) / KEY_WIDTH, axis=1)
    a, b = user.fitts
    durations = (a + b * np.log2(keys + 1.0)) * rng.lognormal(0.0, 0.15, len(keys))
    durations[again - 1] = rng.uniform(0.06, 0.16, len(again))
    return aims, np.maximum(durations, LEAST_SEGMENT_S)


def _corners(aims: NDArray[np.float64], user: User, rng: np.random.Generator) -> NDArray[np.float64]:
    """Corners cut towards the neighbours' middle, and passed by a little along the way in."""
    if len(aims) < 3:
        return aims
    bent = aims.copy()
    middle = (aims[:-2] + aims[2:]) / 2
    cut = user.cut * rng.uniform(0.5, 1.5, (len(middle), 1))
    bent[1:-1] += cut * (middle - aims[1:-1]) * 0.5
    way = aims[1:] - aims[:-1]
    length = np.linalg.norm(way, axis=1, keepdims=True)
    past = user.overshoot * rng.uniform(0.0, 2.0, length.shape) * np.minimum(length, 2 * KEY_WIDTH)
    bent[1:] += 0.5 * past * way / np.maximum(length, KEY_WIDTH)
    return bent


def _trajectory(
    aims: NDArray[np.float64], durations: NDArray[np.float64], begin_s: float, end_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The path of least jerk, sampled, with a rest before and after."""
    times = np.concatenate([[0.0], np.cumsum(durations)])
    at_rest = [(1, np.zeros(2)), (2, np.zeros(2))]
    path = make_interp_spline(times, aims, k=5, bc_type=(at_rest, at_rest))
    count = max(3, round((begin_s + times[-1] + end_s) * POINTS_PER_S))
    at_s = np.arange(count) / POINTS_PER_S - begin_s + rng.normal(0.0, JITTER_S, count)
    return np.asarray(path(np.clip(at_s, 0.0, times[-1])))


def _tremor(count: int, amplitude: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A slow beat of two sines a coordinate, (count, 2), keyboard widths."""
    at_s = np.arange(count)[:, None] / POINTS_PER_S
    total = np.zeros((count, 2))
    for _ in range(2):
        hz, phase = rng.uniform(*TREMOR_HZ, 2), rng.uniform(0.0, 2 * np.pi, 2)
        total += np.sin(2 * np.pi * hz * at_s + phase)
    return amplitude * KEY_WIDTH * total / 2
