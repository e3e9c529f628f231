"""What the detection is tuned for; ``make detectors`` shows what it does with these on simulated nights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """``wanted``: the effect, a share, that is to be found within two nights; ``least``: a smaller one is not told.

    ``baseline_nights``: what tonight is compared with, ``least_nights`` of them at least. ``worse_alpha`` and
    ``better_alpha``: the largest share of nights without a change on which a series is suspected, in each of two looks.
    ``look_back``: nights back to the artifact that a re-run sets beside tonight's, so that a slope of a week is seen.
    ``rerun_alpha``: the share of re-runs of equal things that confirm a change, over two looks. ``nights_alpha``: the
    same for nights alone, where they are independent. ``false_discovery``: among one night's findings over all series.

    ``nights_false_alarms_per_100``: what nights alone were seen to do in the worst of the simulated worlds, in which
    each night is like the one before it (``make detectors``). There is no better promise without a re-run.
    """

    wanted: float = 0.05
    least: float = 0.02
    baseline_nights: int = 28
    least_nights: int = 7
    look_back: int = 7
    worse_alpha: float = 0.1
    better_alpha: float = 0.001
    rerun_alpha: float = 0.004
    nights_alpha: float = 0.0002
    nights_false_alarms_per_100: float = 0.5
    false_discovery: float = 0.05
    most_pairs: int = 40

    def __post_init__(self) -> None:
        if not 0.0 < self.least <= self.wanted < 1.0:
            raise ValueError(f"0 < least <= wanted < 1 must hold, got {self.least}, {self.wanted}")
        if not 5 <= self.least_nights <= self.baseline_nights:
            raise ValueError(f"5 <= least_nights <= baseline_nights must hold, got {self.least_nights}")

    @property
    def false_alarms_per_100(self) -> float:
        """Of 100 series-nights: suspected in one of two looks, and confirmed by a re-run of equal things."""
        return 100.0 * 2.0 * (self.worse_alpha + self.better_alpha) * self.rerun_alpha


DEFAULT = Tuning()
