"""Warm-up and autocorrelation of a run, where both are known."""

from dataclasses import replace

import numpy as np
import pytest

from agents import wire
from orchestrator.domain.run_course import run_course
from tests.orchestrator.domain.test_perceived import steady_times
from tests.sessions import SAMPLE_RATE_HZ, candidate, flat_out_times, session


def test_independent_chunks_are_worth_themselves() -> None:
    rng = np.random.default_rng(0)
    of = session(candidate(), "flat-out", t_ns=flat_out_times((1e6 * rng.normal(4.0, 0.2, 3000)).astype(np.int64)))
    course = run_course(of, SAMPLE_RATE_HZ)
    assert course is not None
    assert (course.warm_up, course.left_out, course.chunks) == ("flat", 0, 3000)
    assert abs(course.lag1) < 0.06
    assert course.independent > 2400


def test_chunks_that_resemble_each_other_are_worth_less() -> None:
    rng = np.random.default_rng(1)
    wander = np.zeros(3000)
    for k in range(1, 3000):
        wander[k] = 0.9 * wander[k - 1] + rng.normal(0.0, 0.1)
    of = session(candidate(), "flat-out", t_ns=flat_out_times((1e6 * (4.0 + 0.2 * wander)).astype(np.int64)))
    course = run_course(of, SAMPLE_RATE_HZ)
    assert course is not None
    assert course.lag1 == pytest.approx(0.9, abs=0.05)
    # An AR(1) of 0.9 is worth (1 - 0.9) / (1 + 0.9) of its length.
    assert course.independent == pytest.approx(3000 / 19, rel=0.5)


def test_a_dropped_chunk_is_no_outlier_of_the_series() -> None:
    times = steady_times()
    times[50, wire.ISSUE :] = wire.NEVER_NS
    course = run_course(session(candidate(), t_ns=times), SAMPLE_RATE_HZ)
    assert course is not None
    assert (course.chunks, course.lag1) == (100, 0.0)


def test_a_session_without_times_has_no_course() -> None:
    assert run_course(session(candidate(), "evaluate"), SAMPLE_RATE_HZ) is None
    backwards = steady_times()[::-1]
    broken = replace(session(candidate()), arrays={"t_ns": backwards})
    assert run_course(broken, SAMPLE_RATE_HZ) is None
