"""Real sessions on real CPUs: pinned before the runtime starts its threads, raised, and refused in words."""

import os
from pathlib import Path

import pytest

from agents import scheduling, wire
from tests.agents.device import Device

ALL = tuple(sorted(os.sched_getaffinity(0)))
NO_SUCH_CPU = 4095


def test_all_threads_of_a_session_run_where_it_was_put(device: Device) -> None:
    result = device.run(device.spec(affinity=(ALL[-1],), threads=2)).result
    found = result.scheduling
    assert found is not None
    assert (result.outcome, found.cpus_requested, found.cpus_used) == ("ok", (ALL[-1],), (ALL[-1],))
    assert found.threads >= 2, "the runtime's second thread is looked at too"
    assert found.refused == {}


def test_without_a_wish_it_is_said_what_it_had(device: Device) -> None:
    spec = device.spec(mode="placement", chunk_count=5)
    result = device.run(spec).result
    assert result.scheduling is not None
    assert (result.scheduling.cpus_requested, result.scheduling.cpus_used) == ((), ALL)
    assert result.scheduling.priority_used == f"nice {os.getpriority(os.PRIO_PROCESS, 0)}"
    assert result.audio_sha256 == spec.audio.sha256


@pytest.mark.parametrize("sharing", wire.SHARINGS)
def test_streams_at_once_are_held_too_whatever_they_share(device: Device, sharing: str) -> None:
    result = device.run(
        device.spec(mode="multi", streams=2, sharing=sharing, affinity=(ALL[0],), chunk_count=40)
    ).result
    found = result.scheduling
    assert found is not None, result.reason
    assert (found.cpus_used, found.refused) == ((ALL[0],), {})
    assert found.threads >= (2 if sharing == wire.PROCESSES else 1)


def test_cpus_that_are_not_there_are_refused_in_words_and_the_session_goes_on(device: Device) -> None:
    result = device.run(device.spec(affinity=(NO_SUCH_CPU,))).result
    assert result.outcome == "ok"
    assert result.scheduling is not None
    assert result.scheduling.cpus_used == ALL
    assert "CPUs 4095: Invalid argument; it may use" in result.scheduling.refused["cpus"]


def test_half_of_what_was_asked_for_is_not_what_was_asked_for(device: Device) -> None:
    """The kernel takes a set of which it has one CPU, and says nothing."""
    result = device.run(device.spec(affinity=(ALL[0], NO_SUCH_CPU))).result
    assert result.scheduling is not None
    assert result.scheduling.cpus_used == (ALL[0],)
    assert result.scheduling.refused["cpus"] == f"CPUs {ALL[0]},4095 were asked for, the kernel gave {ALL[0]}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise its priority")
@pytest.mark.parametrize(("priority", "used"), [("nice", "nice -19"), ("fifo", "fifo 1")])
def test_a_raised_priority_holds_for_all_threads(device: Device, priority: str, used: str) -> None:
    result = device.run(device.spec(mode="paced", chunk_count=20, priority=priority, threads=2)).result
    assert result.scheduling is not None
    assert (result.scheduling.priority_used, result.scheduling.refused) == (used, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not")
@pytest.mark.parametrize("priority", ["nice", "fifo"])
def test_who_may_not_is_told(priority: str) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        os.write(write, repr(scheduling.arrange((), priority)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    assert f"'priority': '{priority}: " in said
    assert "CAP_SYS_NICE" in said


def test_a_thread_that_left_its_cpus_is_seen(tmp_path: Path) -> None:
    """A runtime that pins its own threads: the mask of the main thread would not tell."""
    if len(ALL) < 2:
        pytest.skip("one CPU: there is nowhere to go")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        import threading

        os.sched_setaffinity(0, {ALL[0]})
        left, done = threading.Event(), threading.Event()

        def leave() -> None:
            os.sched_setaffinity(0, {ALL[1]})
            left.set()
            done.wait(60)

        thread = threading.Thread(target=leave)
        thread.start()
        left.wait(60)
        os.write(write, repr(scheduling.seen((ALL[0],), "", {}).cpus_used).encode())
        done.set()
        thread.join()
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == repr(ALL[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"affinity": (1, 0)}, "affinity must be CPU numbers in order"),
        ({"affinity": (1, 1)}, "affinity must be CPU numbers in order"),
        ({"affinity": (-1,)}, "affinity must be CPU numbers in order"),
        ({"priority": "high"}, "priority must be one of"),
        ({"priority": "fifo"}, "priority fifo belongs to mode paced"),
    ],
)
def test_a_spec_that_cannot_be_right(device: Device, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        device.spec(**changes)


def test_fifo_is_for_sessions_that_sleep(device: Device) -> None:
    assert device.spec(mode="paced", priority=wire.FIFO).priority == "fifo"
