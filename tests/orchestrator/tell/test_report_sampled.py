"""Each sensor's readings are shown at the times of its own meter."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.tell.report.sampled import Sampled, sampled_series
from tests.sessions import candidate, session


def series_of(quantity: str, arrays: dict[str, list[float]]) -> Sampled:
    """The series of this quantity of a session with these arrays beside its own."""
    plain = session(candidate())
    added = {name: np.array(values) for name, values in arrays.items()}
    found, _ = sampled_series(replace(plain, arrays={**plain.arrays, **added}))
    return next(one for one in found if one.quantity == quantity)


def test_a_slow_meter_has_its_own_times() -> None:
    arrays = {
        "sample_t_ns": [1, 2, 3],
        "sample_t_ns__pmic": [10, 20, 30],
        "sample_power_w__pmic.sum-of-rails": [1.0, np.nan, 3.0],
    }
    series = series_of("power_w", arrays)
    assert list(series.t_ns) == [10, 20, 30]
    np.testing.assert_array_equal(series.values, [1.0, np.nan, 3.0])
    assert series.source == "pmic.sum-of-rails"


def test_a_plain_sensor_has_the_shared_ones() -> None:
    arrays = {"sample_t_ns": [1, 2], "sample_t_ns__rapl": [5, 6], "sample_temperature_c__cpu": [40.0, 41.0]}
    assert list(series_of("temperature_c", arrays).t_ns) == [1, 2]


def test_the_labs_meter_is_shown_too() -> None:
    series = series_of("power_w", {"meter.socket.t_ns": [7, 8], "meter.socket.power_w": [5.0, 6.0]})
    assert (series.source, list(series.t_ns)) == ("meter.socket", [7, 8])


@pytest.mark.parametrize("times", [[1.0], [1.0, 2.0, 3.0]])
def test_no_times_no_series(times: list[float]) -> None:
    with pytest.raises(StopIteration):
        series_of("power_w", {"sample_t_ns__pmic": times, "sample_power_w__pmic.x": [1.0, 2.0]})
