"""This machine as several devices at once: commands of many threads do not disturb each other."""

from concurrent.futures import ThreadPoolExecutor

from orchestrator.measure.transports.local import LocalTransport

THREADS, ROUNDS = 8, 40


def _commands(number: int) -> list[bytes]:
    with LocalTransport(f"device{number}") as transport:
        return [transport.exec(["cat"], stdin=b"%d %d" % (number, i)).stdout for i in range(ROUNDS)]


def test_commands_of_several_threads_end_as_they_do_alone() -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        said = list(pool.map(_commands, range(THREADS)))
    assert said == [[b"%d %d" % (number, i) for i in range(ROUNDS)] for number in range(THREADS)]
