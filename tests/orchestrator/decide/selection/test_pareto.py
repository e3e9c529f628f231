from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.decide.selection.compare import ratio, tied
from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.pareto import TRADED, dominators
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.decision import Estimate
from orchestrator.statistics.interval import Interval
from tests.sessions import candidate

METRIC = "latency_p50_ms"


def point(threads: int, latency_ms: float, size_mb: float, spread: float = 0.01) -> Evidence:
    """Evidence with three runs around a latency, an exact size and no loss."""
    runs = {b: latency_ms * (1 + spread * (b - 1)) for b in range(3)}
    metrics = {
        METRIC: Estimate(latency_ms, n=3),
        "size_mb": Estimate(size_mb, size_mb, size_mb, 1, "file"),
        "quality_loss": Estimate(0.0, 0.0, 0.0, 100, "items"),
        "peak_rss_mb": Estimate(None, reason="not read"),
    }
    return Evidence(candidate(threads=threads), None, (), (), (), None, None, metrics, {METRIC: runs})


def test_slower_and_larger_is_dominated() -> None:
    good, bad, trade = point(1, 1.0, 1.0), point(2, 2.0, 2.0), point(3, 2.0, 0.5)
    found = dominators([bad, trade, good], good, (METRIC, *TRADED), Policy())
    assert found == {good.key: None, trade.key: None, bad.key: good.key}


def test_within_noise_and_zone_nobody_dominates() -> None:
    one, two = point(1, 1.0, 1.0), point(2, 1.015, 1.0)
    assert dominators([one, two], one, (METRIC, *TRADED), Policy()) == {one.key: None, two.key: None}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0.5, 5), st.floats(0.5, 5)), min_size=1, max_size=12))
def test_there_is_a_front_and_only_it_dominates(points: list[tuple[float, float]]) -> None:
    evidence = [point(i + 1, ms, mb) for i, (ms, mb) in enumerate(points)]
    found = dominators(evidence, None, (METRIC, *TRADED), Policy())
    front = {key for key, above in found.items() if above is None}
    assert front
    assert all(above in front for above in found.values() if above is not None)


def test_ratio_is_paired_by_block_then_unpaired_then_of_points() -> None:
    one, two = point(1, 2.0, 1.0), point(2, 1.0, 4.0)
    paired = ratio(one, two, METRIC, 0.95)
    assert (paired.low, paired.value, paired.high) == tuple([paired.value] * 3)
    two.values[METRIC] = {b + 10: v for b, v in two.values[METRIC].items()}
    unpaired = ratio(one, two, METRIC, 0.95)
    assert unpaired.low is not None
    assert unpaired.low < 2.0
    exact = ratio(two, one, "size_mb", 0.95)
    assert (exact.low, exact.value, exact.high) == (4.0, 4.0, 4.0)
    assert ratio(one, two, "peak_rss_mb", 0.95).value is None


def test_ties() -> None:
    assert tied(Interval(1.01, 1.005, 1.015, 4), 0.02)
    assert tied(Interval(1.03, 0.98, 1.08, 4), 0.02)
    assert not tied(Interval(1.03, 1.01, 1.05, 4), 0.02)
    assert not tied(Interval(1.5, 0.8, 2.5, 4), 0.02)
