import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.selection.objective import MINIMIZED, OBJECTIVES, Objective
from orchestrator.domain.decision import METRICS, MORE_IS_BETTER, SCORE
from orchestrator.errors import BadInput

positive = st.floats(1e-3, 1e6)


def test_one_figure_is_ranked_by_itself() -> None:
    latency = Objective()
    assert (latency.metric, latency.metrics, str(latency)) == ("latency_p50_ms", ("latency_p50_ms",), "latency_p50_ms")
    assert latency.score({"latency_p50_ms": 3.0, "size_mb": 9.0}) == 3.0
    assert latency.score({"size_mb": 9.0}) is None
    assert Objective("energy").score({"energy_mj_per_audio_s": -0.5}) == -0.5, (
        "net energy may be below the idle device's"
    )


def test_a_metric_s_own_name_is_taken() -> None:
    assert {Objective(name).metric for name in MINIMIZED} == set(OBJECTIVES.values()) - MORE_IS_BETTER
    assert Objective("latency_p99_ms").metric == Objective("p99").metric
    assert set(OBJECTIVES.values()) <= set(METRICS)


def test_a_profile_is_the_weighted_geometric_mean() -> None:
    profile = Objective("latency=2, energy=1")
    assert profile.metric == SCORE
    assert profile.weights == pytest.approx({"latency_p50_ms": 2 / 3, "energy_mj_per_audio_s": 1 / 3})
    assert profile.score({"latency_p50_ms": 8.0, "energy_mj_per_audio_s": 27.0}) == pytest.approx(12.0)
    assert profile.score({"latency_p50_ms": 8.0}) is None
    assert profile.score({"latency_p50_ms": 8.0, "energy_mj_per_audio_s": 0.0}) is None, "no ratio to nothing"
    assert str(profile) == str(Objective("latency=4,energy=2")) == "latency_p50_ms=0.6667,energy_mj_per_audio_s=0.3333"


def test_of_streams_more_is_better() -> None:
    streams = Objective("streams=1")
    assert streams.metric == "streams_held"
    few, many, none = (streams.score({"streams_held": n}) for n in (2.0, 8.0, 0.0))
    assert few is not None
    assert many is not None
    assert many < few
    assert none == math.inf


@given(a=positive, b=positive, c=positive, d=positive, scale=positive, weight=st.floats(0.1, 10))
def test_the_ratio_of_two_scores_knows_no_units(
    a: float, b: float, c: float, d: float, scale: float, weight: float
) -> None:
    profile = Objective(f"latency={weight},streams=1")
    one, two = {"latency_p50_ms": a, "streams_held": b}, {"latency_p50_ms": c, "streams_held": d}
    scaled = [{"latency_p50_ms": v["latency_p50_ms"] * scale, "streams_held": v["streams_held"]} for v in (one, two)]
    plain, other = (profile.score(one), profile.score(two)), tuple(profile.score(v) for v in scaled)
    assert plain[0] and plain[1] and other[0] and other[1]  # noqa: PT018
    assert math.log(plain[0] / plain[1]) == pytest.approx(math.log(other[0] / other[1]), abs=1e-6)


@given(values=st.tuples(positive, positive), better=st.floats(0.01, 0.99), which=st.sampled_from([0, 1]))
def test_better_in_one_is_a_better_score(values: tuple[float, float], better: float, which: int) -> None:
    profile = Objective("latency=1,streams=3")
    named = {"latency_p50_ms": values[0], "streams_held": values[1]}
    improved = {**named}
    metric = ("latency_p50_ms", "streams_held")[which]
    improved[metric] = named[metric] * better if which == 0 else named[metric] / better
    before, after = profile.score(named), profile.score(improved)
    assert before is not None
    assert after is not None
    assert after < before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("latencies", r"latencies.*did you mean latency"),
        ("latency,energy", "'latency' has no weight"),
        ("latency=2,energy", "'energy' has no weight"),
        ("latency=1,latency_p50_ms=2", "weighed twice"),
        ("latency=fast", "must be a number, got 'fast'"),
        ("latency=0", "must be > 0"),
        ("latency=inf", "must be > 0 and finite"),
        ("streams", "more of it is better"),
        ("quality_loss", "minimize must be one of"),
        ("", "minimize must be one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Objective(asked)
