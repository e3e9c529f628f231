"""The checker finds what it is there for: each wrong in a farm that is right otherwise."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.job import DONE, FAILED, SESSION, Job, JobState, device_queue
from tests.farm.checker import Recorded, wrongs
from tests.farm.journals import Run

_DEVICES = ("berlin-pi", "porto-pi")
_EACH = 3


def _name(device: str, number: int) -> str:
    return f"night-{number}-{device}"


def _right() -> dict[str, Any]:
    """A farm of two devices with three sessions each."""
    jobs, recorded, runs = [], [], []
    for device in _DEVICES:
        for number in range(_EACH):
            name = _name(device, number)
            job = Job(f"job {name}", "order", SESSION, device_queue(device), "ada", position=number)
            jobs.append(JobState(job, DONE, 0.0, attempts=1, fence=1, result={"session_id": name}))
            recorded.append(Recorded(name, device, None, f"sha of {name}"))
            times = (number * 100, number * 100 + 90)
            runs.append(Run(device, name, "night", "flat-out", device, 1, 1, *times, None, f"sha of {name}"))
    return {"jobs": jobs, "recorded": recorded, "runs": runs, "claims": _seen(runs)}


def _seen(runs: list[Run]) -> "Counter[tuple[str, str]]":
    return Counter((run.device, run.session_id) for run in runs)


def test_nothing_is_wrong_with_a_farm_that_is_right() -> None:
    assert wrongs(**_right()) == []


def test_a_session_that_gave_way_to_another_controller_and_was_run_again_is_right() -> None:
    farm = _right()
    farm["jobs"][1] = replace(farm["jobs"][1], attempts=2, fence=3)
    for number in (1, 2):
        farm["runs"][number] = replace(farm["runs"][number], fence=2)
    assert wrongs(**farm) == []


def _doubled_on_another_device(farm: dict[str, Any]) -> None:
    again = replace(farm["runs"][0], device="porto-pi", began_ns=1000, ended_ns=1001)
    farm["runs"].append(again)
    farm["claims"] = _seen(farm["runs"])


def _started_twice(farm: dict[str, Any]) -> None:
    farm["runs"][0] = replace(farm["runs"][0], starts=2)


def _run_forgotten_and_run_again(farm: dict[str, Any]) -> None:
    farm["claims"]["berlin-pi", _name("berlin-pi", 0)] = 2


def _on_the_wrong_device(farm: dict[str, Any]) -> None:
    farm["runs"][0] = replace(farm["runs"][0], device="porto-pi", began_ns=1000, ended_ns=1001)
    farm["claims"] = _seen(farm["runs"])


def _overlapping(farm: dict[str, Any]) -> None:
    farm["runs"][0] = replace(farm["runs"][0], ended_ns=101)


def _without_an_end(farm: dict[str, Any]) -> None:
    farm["runs"][0] = replace(farm["runs"][0], ended_ns=None)


def _lost_from_the_ledger(farm: dict[str, Any]) -> None:
    del farm["recorded"][0]


def _recorded_and_never_run(farm: dict[str, Any]) -> None:
    del farm["runs"][0]


def _with_another_sessions_figures(farm: dict[str, Any]) -> None:
    farm["recorded"][0] = replace(farm["recorded"][0], arrays_sha256=farm["recorded"][1].arrays_sha256)


def _a_job_that_is_not_done(farm: dict[str, Any]) -> None:
    farm["jobs"][0] = replace(farm["jobs"][0], state=FAILED, reason="no")


def _two_jobs_for_one_session(farm: dict[str, Any]) -> None:
    farm["jobs"][0] = replace(farm["jobs"][0], result=farm["jobs"][1].result)


def _a_job_of_another_device(farm: dict[str, Any]) -> None:
    mine, other = farm["jobs"][0], farm["jobs"][_EACH]
    farm["jobs"][0], farm["jobs"][_EACH] = replace(mine, result=other.result), replace(other, result=mine.result)


def _done_by_a_failed_session(farm: dict[str, Any]) -> None:
    farm["recorded"][0] = replace(farm["recorded"][0], failure="crashed")


def _under_an_older_fence(farm: dict[str, Any]) -> None:
    farm["runs"][0] = replace(farm["runs"][0], fence=2)


def _ended_under_no_fence(farm: dict[str, Any]) -> None:
    farm["jobs"][0] = replace(farm["jobs"][0], attempts=0, fence=0)


_WRONGS = {
    _doubled_on_another_device: "was run on 2 devices",
    _started_twice: "started 2 times",
    _run_forgotten_and_run_again: "begun 2 times",
    _on_the_wrong_device: "was planned for berlin-pi, and porto-pi ran it",
    _overlapping: "overlap on berlin-pi",
    _without_an_end: "overlap on berlin-pi",
    _lost_from_the_ledger: "is not in the ledger",
    _recorded_and_never_run: "was run on 0 devices",
    _with_another_sessions_figures: "figures that berlin-pi does not have",
    _a_job_that_is_not_done: "is failed: no",
    _two_jobs_for_one_session: "2 jobs stand for session",
    _a_job_of_another_device: "is done by a session of porto-pi",
    _done_by_a_failed_session: "which failed: crashed",
    _under_an_older_fence: "under fence 1, after 2",
    _ended_under_no_fence: "begun 0 times under fence 0",
}


@pytest.mark.parametrize("wrong", _WRONGS, ids=lambda wrong: wrong.__name__.strip("_"))
def test_it_finds(wrong: Any) -> None:
    farm = _right()
    wrong(farm)
    found = wrongs(**farm)
    assert any(_WRONGS[wrong] in each for each in found), found
