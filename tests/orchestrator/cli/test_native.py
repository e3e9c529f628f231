"""``earshot native``: a tool of the user's on a device with only a shell, from the command line."""

import json
from pathlib import Path

import pytest

from tests.orchestrator.cli.command import BAD_INPUT, DEVICE, assert_refused, assert_sound, earshot
from tests.orchestrator.measure.native.stand_ins import stand_in
from tests.orchestrator.measure.native.test_binary import elf


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "kws.tflite").write_bytes(b"TFL3")
    return tmp_path / "kws.tflite"


def command(binary: Path, model: Path, results: Path, *more: str) -> tuple[str, ...]:
    files = ("--binary", str(binary), "--model", str(model), "--results", str(results))
    return ("native", "run", "benchmark_model", *files, *more)


def test_a_run_is_shown_recorded_and_called_closed_loop(model: Path, tmp_path: Path, home: Path) -> None:
    results = tmp_path / "results"
    arguments = command(stand_in(tmp_path, "benchmark_model"), model, results)
    done = earshot(*arguments, "--", "--use_gpu=true", home=home)
    assert done.returncode == 0, done.stderr
    assert "closed loop, mean" in done.stdout
    assert "3.10" in done.stdout
    assert "not ranked with streaming sessions" in done.stdout
    listed = json.loads(earshot("native", "list", "--results", str(results), "--json", home=home).stdout)
    assert [(s["mode"], s["tool"], s["model"], s["arguments"][0]) for s in listed] == [
        ("closed-loop", "benchmark_model", "kws.tflite", "--use_gpu=true")
    ]
    sessions = earshot("ledger", "sessions", "--results", str(results), "--json", home=home)
    assert "native-" not in sessions.stdout
    assert_sound(results)


def test_a_tool_that_fails_is_recorded_with_its_words(model: Path, tmp_path: Path, home: Path) -> None:
    binary = stand_in(tmp_path, "benchmark_model", then="echo 'no GPU here' >&2; exit 1")
    done = earshot(*command(binary, model, tmp_path / "results"), home=home)
    assert_refused(done, DEVICE, "benchmark_model failed on local", "no GPU here", then="its output is session native-")
    table = earshot("native", "list", "--results", str(tmp_path / "results"), home=home).stdout
    assert "no GPU here" in table


def test_a_program_of_another_processor(model: Path, tmp_path: Path, home: Path) -> None:
    done = earshot(*command(elf(tmp_path / "tool", 243), model, tmp_path / "r"), home=home)
    assert_refused(done, BAD_INPUT, "tool is for riscv64, local is ", then="build it for")


def test_the_wrong_device_runs_nothing(model: Path, tmp_path: Path, home: Path) -> None:
    (tmp_path / "lab.toml").write_text('[devices.desk]\ntransport = "local"\nprofile = "pixel-8"\n')
    more = ("--device", "desk", "--lab", str(tmp_path / "lab.toml"))
    done = earshot(*command(stand_in(tmp_path, "benchmark_model"), model, tmp_path / "r", *more), home=home)
    assert_refused(done, DEVICE, "lab.toml says pixel-8, the device says", then="[devices.desk]")
