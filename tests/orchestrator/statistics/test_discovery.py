import numpy as np
import pytest
from scipy.stats import false_discovery_control

from orchestrator.statistics.discovery import adjusted


def test_it_is_benjamini_and_hochbergs_rule() -> None:
    p = np.random.default_rng(0).uniform(size=50) ** 3
    assert adjusted(p.tolist()) == pytest.approx(false_discovery_control(p))


def test_tests_that_are_not_listed_gave_1() -> None:
    listed = [0.001, 0.02, 0.3]
    assert adjusted(listed, 10) == pytest.approx(false_discovery_control([*listed, *[1.0] * 7])[:3])


def test_none_is_none() -> None:
    assert len(adjusted([], 5)) == 0


@pytest.mark.parametrize(("p", "tests"), [([1.5], None), ([0.1, 0.2], 1), ([float("nan")], None)])
def test_what_is_no_p_value_is_refused(p: list[float], tests: int | None) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        adjusted(p, tests)
