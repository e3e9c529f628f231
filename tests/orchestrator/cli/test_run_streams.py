"""What ``earshot run --mode multi`` shows, and what it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.ledger import ledger
from orchestrator.cli.run_streams import print_streams_held
from orchestrator.domain.streams_held import DOUBTFUL, FAILS, HOLDS, StreamsHeld, StreamsRun, StreamsTried
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import record_streams_held
from orchestrator.statistics.interval import Interval, not_estimable
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot
from tests.orchestrator.ledger import ledger_samples as samples

BUSY = "something else used {} % of all cores during it"


def run(streams: int, number: int, misses: int, **facts: str) -> StreamsRun:
    return StreamsRun(f"s{streams}-{number}", streams, 1000, misses, False, 0.04 * streams, 5.0, 9.5, **facts)


def held(**changes: object) -> StreamsHeld:
    tried = (
        StreamsTried(1, HOLDS, Interval(0.0, 0.0, 0.0031, 2), (run(1, 0, 0), run(1, 1, 0))),
        StreamsTried(
            20,
            DOUBTFUL,
            Interval(0.008, 0.0, 0.02, 2),
            (run(20, 0, 4, suspect=BUSY.format(61)), run(20, 1, 12, suspect=BUSY.format(72.5))),
        ),
        StreamsTried(
            21, FAILS, Interval(0.6, None, None, 1, 0.95, "one run"), (run(21, 0, 600),), "waited ever longer"
        ),
        StreamsTried(40, FAILS, not_estimable("out of memory", 0), (run(40, 0, 0, failed="oom"),), "out of memory"),
    )
    fields: dict[str, object] = {
        "study_id": "s", "device": "pi5", "at_utc": "2026-11-21", "model": "kws", "candidate_key": "k",
        "candidate": "onnx:fp32 CPU 1t", "artifact_sha256": "a", "sharing": "processes", "seconds": 10.0,
        "miss_budget": 0.01, "deadline_ms": 20.0, "value": 20, "low": 1, "high": 20, "most": 128,
        "most_reason": "--max-streams", "tried": tried,
    }  # fmt: skip
    return StreamsHeld(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_answer_its_bounds_and_what_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_streams_held(held())
    table, plot, words = capsys.readouterr().out.split("\n\n")
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [
        ["1", "holds"], ["20", "doubtful"], ["21", "fails"], ["40", "fails"],
    ]  # fmt: skip
    assert "0 % .. 0.31 %" in table.splitlines()[1]
    assert "waited ever longer" in table
    bars = [line.split("|") for line in plot.splitlines()[1:]]
    assert plot.startswith("miss rate, 0 to 10 %; | is the budget of 1 %")
    assert [bar[0].split() for bar in bars[:2]] == [["1"], ["20", "???"]]
    assert bars[2][1].startswith("#" * 0 + "x" * 29 + ">"), "beyond the scale"
    assert words.splitlines() == [
        "pi5 holds 20 streams of kws (onnx:fp32 CPU 1t, processes) with at most 1 % of chunks later than 20 ms: "
        "1 shown to hold, 21 to fail, between them it stays doubtful",
        "note: 2 of 6 runs: something else used 61 % of all cores during it, or alike",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value": 20, "low": 20}, "holds 20 streams of kws"),
        ({"value": 20, "low": 20}, "20 shown to hold, 21 to fail"),
        ({"value": 0, "low": 0, "high": 0}, "holds no streams of kws"),
        ({"value": 1, "low": 1, "high": 1}, "holds 1 stream of kws"),
        ({"low": 20, "high": None, "most": 20, "most_reason": "memory: 900 MB available, 40 MB a stream"},
         "20 shown to hold, and none failed up to 20 (memory: 900 MB available"),
        ({"contradictions": ("19 streams failed, but 20 were held",)}, "note: 19 streams failed, but 20 were held"),
    ],
)  # fmt: skip
def test_in_words(capsys: pytest.CaptureFixture[str], changes: dict[str, object], words: str) -> None:
    print_streams_held(held(**changes))
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "words", "then"),
    [
        (["--miss-budget", "some"], "'some' is no share: write it as 1% or 0.01", "earshot run --help"),
        (["--devices", "all"], "--mode multi is for one device", "earshot run --help"),
        (["--miss-budget", "100%"], "the miss budget must lie between 0 and 100 %, got 100 %", "--miss-budget 1%"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, flags: list[str], words: str, then: str) -> None:
    asked = ["run", "kws", "--mode", "multi", *flags, "--results", str(tmp_path / "r")]
    done = earshot(*asked, home=tmp_path)
    assert_refused(done, BAD_INPUT, words, then=then)
    assert not (tmp_path / "r").exists()


def test_the_ledger_shows_what_was_found(tmp_path: Path) -> None:
    study = samples.study()
    with Ledger.open(tmp_path / "ledger.db") as book:
        book.begin_study(study)
        record_streams_held(book, held(study_id=study.study_id, high=None, most=20))
    said = CliRunner().invoke(ledger, ["streams", "--results", str(tmp_path)])
    assert said.exit_code == 0, said.output
    line = said.output.splitlines()[1].split()
    assert line == [
        "pi5",
        "kws",
        "onnx:fp32",
        "CPU",
        "1t",
        "processes",
        "1",
        "%",
        "20",
        "ms",
        "20",
        "1..",
        "2026-11-21",
    ]
    as_json = CliRunner().invoke(ledger, ["streams", "pi5", "--json", "--results", str(tmp_path)])
    assert [one["value"] for one in json.loads(as_json.output)] == [20]
    assert (
        json.loads(CliRunner().invoke(ledger, ["streams", "desk", "--json", "--results", str(tmp_path)]).output) == []
    )
