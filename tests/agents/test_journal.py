"""Events are whole lines, or not there."""

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agents.journal import RESERVE_BYTES, Journal, is_last
from tests.agents.device import REPOSITORY


def test_last_event_is_the_finished_or_failed_one(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    assert journal.last_event() is None
    assert not is_last(journal.append("progress", {"done": 1}))
    assert journal.last_event() is None
    assert is_last(journal.append_last("failed", {"result": {}}))
    last = journal.last_event()
    assert last is not None
    assert last["kind"] == "failed"


def test_two_writers_never_mix_their_lines(tmp_path: Path) -> None:
    def write(kind: str) -> None:
        journal = Journal(str(tmp_path))
        for number in range(100):
            journal.append(kind, {"text": kind * 2000, "number": number}, sync=False)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["accepted", "progress"]))
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert sorted((json.loads(n)["kind"], json.loads(n)["data"]["number"]) for n in lines) == [
        (kind, number) for kind in ("accepted", "progress") for number in range(100)
    ]


def test_no_room_leaves_whole_lines_and_the_reserve_holds_the_last_one(tmp_path: Path) -> None:
    # RLIMIT_FSIZE cuts a write short exactly as a full disk does, also without root.
    code = (
        "import resource, sys; from agents.journal import Journal\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (3000, {resource.RLIM_INFINITY}))\n"
        "journal = Journal(sys.argv[1]); journal.append('progress', {'text': 'x' * 2000})\n"
        "try: journal.append('progress', {'text': 'y' * 2000})\n"
        "except OSError as error: print(error.strerror)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.strip(), done.stderr
    (line,) = (tmp_path / "events.jsonl").read_bytes().splitlines(keepends=True)
    assert json.loads(line)["data"] == {"text": "x" * 2000}


def test_reserve_is_real_room(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.reserve()
    status = (tmp_path / "reserve").stat()
    assert status.st_size == RESERVE_BYTES
    assert status.st_blocks * 512 >= RESERVE_BYTES
    journal.release()
    assert not (tmp_path / "reserve").exists()


def test_part_of_a_line_that_a_power_cut_left_is_cut_off(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    whole = journal.append("accepted", {})
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"kind": "progress", "t_')
    last = journal.append_last("failed", {"result": {}})
    assert (tmp_path / "events.jsonl").read_bytes() == whole + last
