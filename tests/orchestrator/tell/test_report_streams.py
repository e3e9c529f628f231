"""How many streams the device holds, in the report: what was searched, and nothing where nothing was."""

from dataclasses import replace

from orchestrator.domain.streams_held import FAILS, HOLDS, StreamsHeld, StreamsRun, StreamsTried
from orchestrator.statistics.interval import Interval
from orchestrator.tell.report.page import render
from orchestrator.tell.report.streams_table import streams_table
from tests.orchestrator.tell.builders import STUDY_ID, candidates, content


def tried(streams: int, verdict: str) -> StreamsTried:
    runs = tuple(StreamsRun(f"s{streams}-{n}", streams, 1000, 0, False, 0.9, 5.0, 9.0) for n in range(2))
    return StreamsTried(streams, verdict, Interval(0.0, 0.0, 0.006, 2), runs)


def held(number: int, **changes: object) -> StreamsHeld:
    of = candidates()[number]
    found = StreamsHeld(
        STUDY_ID, "pi5", "2026-03-02T10:00:00+00:00", "kws", of.key, of.label, of.artifact_sha256, "processes", 10.0,
        0.01, 20.0, 6, 6, 7, 128, "--max-streams", (tried(1, HOLDS), tried(6, HOLDS), tried(8, FAILS)),
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def test_the_newest_search_of_each_candidate_is_shown() -> None:
    older = held(0, value=6, at_utc="2026-03-01T10:00:00+00:00")
    newest = held(0, value=7, contradictions=("5 streams failed, but 6 were held",))
    open_end = held(2, tried=(tried(1, HOLDS), tried(6, HOLDS)), high=None, most=6)
    elsewhere = held(1, candidate_key="another candidate")
    made = replace(content(), streams=[older, newest, open_end, elsewhere])
    table = streams_table(made)
    assert table is not None
    shown = {row.cells[1].title: [cell.text for cell in row.cells[2:]] for row in table.rows}
    assert shown[candidates()[0].label] == [
        "7", "6", "8", "1 %", "20", "processes", "2026-03-02T10:00:00+00:00",
    ]  # fmt: skip
    assert shown[candidates()[2].label][:3] == ["6", "6", "none up to 6"]
    assert len(shown) == 2
    assert table.notes == ("5 streams failed, but 6 were held",)
    page = render(made)
    assert '<section id="streams">' in page
    assert 'href="#streams"' in page


def test_nothing_is_said_where_nobody_searched() -> None:
    made = content()
    assert streams_table(made) is None
    assert "#streams" not in render(made)
    assert '<section id="streams">' not in render(made)
