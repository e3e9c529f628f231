"""The search finds what trying every number finds, and says so where the device contradicts itself."""

import pytest

from orchestrator.decide.capacity.search import StreamsQuestion, StreamsSearch, bounds
from orchestrator.domain.streams_held import FAILS, HOLDS
from tests.orchestrator.decide.capacity.simulated import Simulated, run_of, sharp

BUDGET = 0.01


@pytest.mark.parametrize("guess", [0.3, 0.8, 1.0, 1.25, 3.0])
@pytest.mark.parametrize("truth", [1, 2, 3, 7, 20, 39, 100, 127])
def test_it_finds_the_truth_whatever_the_first_guess(truth: int, guess: float) -> None:
    device = Simulated(sharp(truth), busy_at_one=1 / (truth * guess))
    found = bounds(device.search(servers=1.0).tried, BUDGET)
    assert (found.value, found.low, found.high, found.contradictions) == (truth, truth, truth, ())


@pytest.mark.parametrize("truth", [20, 39, 100])
def test_it_tries_a_third_of_the_numbers_at_most(truth: int) -> None:
    device = Simulated(sharp(truth), busy_at_one=1 / (truth * 0.8))
    device.search()
    assert len(device.numbers) <= (truth + 1) / 3


def test_a_sure_number_takes_few_runs() -> None:
    device = Simulated(sharp(20))
    device.search()
    # One run where the backlog grew; two where nothing was missed.
    assert {n: device.asked.count(n) for n in device.numbers} == {1: 2, 19: 2, 20: 2, 21: 1}


def test_only_where_it_ends_it_has_to_be_sure() -> None:
    # Runs differ by so much that none of these is sure before its fifth run.
    device = Simulated(lambda n: 0.0004 * n, noise=0.004, busy_at_one=1 / 10, seed=4)
    found = device.search()
    ends = {n for n in device.numbers if device.asked.count(n) > 2}
    assert len(ends) <= 4, device.asked
    held = bounds(found.tried, BUDGET).value
    assert {held, held + 1} <= ends
    assert len(device.numbers) > len(ends) + 1


def test_what_turns_round_when_it_is_looked_at_again_is_left_behind() -> None:
    """20 streams seem to be held in two runs, and are not in five."""
    rates = {20: iter([0.004, 0.006, 0.04, 0.04, 0.04])}
    search = StreamsSearch(StreamsQuestion(64))
    while (streams := search.ask()) is not None:
        steady = 0.0 if streams < 20 else 0.6
        search.tell(run_of(streams, next(rates[streams]) if streams in rates else steady, busy=0.05 * streams))
    found = bounds(search.tried, BUDGET)
    assert (found.value, found.low) == (19, 19)
    assert search.runs_of(20) == 5


def test_the_same_answers_give_the_same_asks() -> None:
    first, second = (Simulated(sharp(33), noise=0.004, seed=3) for _ in "ab")
    first.search()
    second.search()
    assert first.asked == second.asked


def test_it_is_within_one_of_the_truth_in_noise() -> None:
    """The miss rate rises by 0.5 % a stream and crosses the budget between 20 and 21."""
    near = 0
    for seed in range(60):
        device = Simulated(lambda n: max(0.0, 0.005 * (n - 18.5)), noise=0.001, seed=seed)
        found = bounds(device.search().tried, BUDGET)
        near += abs(found.value - 20) <= 1
        assert found.low <= found.value
        assert found.high is None or found.value <= found.high
    assert near >= 57


def test_what_stays_doubtful_lies_between_the_bounds() -> None:
    # At 20 streams runs differ so much that nothing can be said.
    device = Simulated(lambda n: 0.0 if n < 20 else 0.009 if n == 20 else 0.6)
    search = StreamsSearch(StreamsQuestion(128))
    number = 0
    while (streams := search.ask()) is not None:
        number += 1
        run = device.run(streams)
        search.tell(run_of(20, 0.018 * (number % 2), busy=1.0) if streams == 20 else run)
    found = bounds(search.tried, BUDGET)
    assert (found.low, found.high) == (19, 20)
    assert found.value in (19, 20)


def test_nothing_is_held_where_one_stream_fails() -> None:
    found = bounds(Simulated(sharp(0)).search().tried, BUDGET)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@pytest.mark.parametrize("busy", [0.0, 0.001, 0.2])
def test_more_than_the_most_is_never_tried(busy: float) -> None:
    device = Simulated(sharp(500), busy_at_one=busy)
    found = bounds(device.search(most_streams=16).tried, BUDGET)
    assert (found.value, found.low, found.high) == (16, 16, None)
    assert device.numbers[-1] == 16
    assert Simulated(sharp(9)).search(most_streams=1).tried[-1].streams == 1


def test_one_stream_may_show_that_fewer_fit() -> None:
    device, search = Simulated(sharp(500), busy_at_one=0.001), StreamsSearch(StreamsQuestion(128))
    while (streams := search.ask()) is not None:
        search.most = min(search.most, 12)
        search.tell(device.run(streams))
    assert device.numbers[-1] == 12


def test_fewer_streams_that_fail_are_found_and_count() -> None:
    """20 streams are held, 19 are not: a device with two clusters of cores may do that."""
    device = Simulated(lambda n: 0.6 if n == 19 or n > 20 else 0.0)
    tried = device.search().tried
    assert {one.streams: one.verdict for one in tried if one.streams > 1} == {19: FAILS, 20: HOLDS, 21: FAILS}
    found = bounds(tried, BUDGET)
    assert found.contradictions == ("19 streams failed, but 20 were held",)
    assert found.high == 18
    assert found.low <= found.value <= 18


def test_another_run_than_was_asked_for_is_refused() -> None:
    search = StreamsSearch(StreamsQuestion(8))
    with pytest.raises(ValueError, match="a run with 1 streams was asked for, got one with 3"):
        search.tell(run_of(3, 0.0))


@pytest.mark.parametrize("wrong", [{"most_streams": 0}, {"budget": 0.0}, {"budget": 1.0}, {"most_runs": 1}])
def test_what_cannot_be_asked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"at least 1 stream|miss budget"):
        StreamsQuestion(**{"most_streams": 8, **wrong})  # type: ignore[arg-type]
