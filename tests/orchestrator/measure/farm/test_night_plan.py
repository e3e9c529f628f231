"""A device's night: interleaved, within its budget, the same in any process."""

import pytest

from orchestrator.measure.farm.night_plan import LEAST_RUNS, RERUN_SHARE, Cost, device_night


def night(costs: list[Cost], budget_s: float = 1000.0, runs: int = 5, seed: str = "desk 2026-11-21"):  # type: ignore[no-untyped-def]
    return device_night("pi5", costs, runs=runs, budget_s=budget_s, setup_s=10.0, seed=seed)


def test_each_block_holds_every_configuration_once() -> None:
    found = night([Cost(2.0)] * 7)
    assert (len(found.blocks), found.left_out, found.sessions) == (5, (), 35)
    assert all(sorted(block) == list(range(7)) for block in found.blocks)
    # A drift over the night cancels: each second block is the mirror of the one before it.
    assert found.blocks[1] == found.blocks[0][::-1]
    assert found.expected_s == pytest.approx(10.0 + 35 * 2.0)
    assert found.rerun_s == RERUN_SHARE * 1000.0


def test_the_same_night_is_the_same_everywhere_and_another_one_is_not() -> None:
    costs = [Cost(2.0)] * 9
    assert night(costs) == night(costs)
    assert night(costs).blocks != night(costs, seed="desk 2026-11-22").blocks


def test_a_small_budget_takes_fewer_runs_and_then_fewer_configurations() -> None:
    costs = [Cost(10.0), Cost(10.0), Cost(10.0), Cost(10.0, must=True)]
    # 10 s of setup and 160 s of sessions: four blocks of forty.
    assert [len(night(costs, 170 / 0.75).blocks), night(costs, 170 / 0.75).left_out] == [4, ()]
    tight = night(costs, 105 / 0.75)
    assert (len(tight.blocks), tight.left_out, tight.taken) == (LEAST_RUNS, (2,), (0, 1, 3))
    # What must be measured is left out last.
    assert night(costs, 45 / 0.75).taken == (3,)
    none = night(costs, 30 / 0.75)
    assert (none.blocks, none.left_out, none.expected_s) == ((), (0, 1, 2, 3), 0.0)


def test_what_is_done_once_a_night_has_its_room() -> None:
    assert night([Cost(10.0, once_s=60.0)], 120 / 0.75).sessions == 5
    assert night([Cost(10.0, once_s=60.0)], 110 / 0.75).sessions == 4
    assert night([Cost(10.0, once_s=60.0)], 90 / 0.75).sessions == 0


def test_a_session_takes_time() -> None:
    with pytest.raises(ValueError, match="takes > 0 s"):
        Cost(0.0)
