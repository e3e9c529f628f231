"""What the terminal shows while a session runs."""

import io

import pytest
from rich.console import Console

from agents import wire
from orchestrator.cli.progress import TerminalProgress
from orchestrator.workflows.meter import meter_text
from tests.sessions import CHUNK_SAMPLES, CONTRACT


def text(**data: object) -> str | None:
    return meter_text(wire.Event("progress", 0, dict(data)), CONTRACT, CHUNK_SAMPLES)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"done": 50, "total": 200, "backlog": 0}, " 25 %  backlog .......... 0 (0.00 s)"),
        ({"done": 50, "total": 200, "backlog": 20}, " 25 %  backlog ####...... 20 (0.40 s)"),
        ({"done": 50, "total": 200, "backlog": 150}, " 25 %  backlog ########## 150 (3.00 s)"),
        ({"done": 200, "total": 200, "backlog": None}, "100 %"),
        # An agent of before this meter.
        ({"done": 100, "total": 200}, " 50 %"),
        ({}, None),
        ({"done": 1, "total": 0}, None),
    ],
)
def test_meter(data: dict[str, object], expected: str | None) -> None:
    assert text(**data) == expected


def test_other_events_say_nothing() -> None:
    assert meter_text(wire.Event("loaded", 0, {"done": 1, "total": 2}), CONTRACT, CHUNK_SAMPLES) is None


def test_the_terminal_has_it_beside_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    made = Console(file=out, force_terminal=True, width=160)
    monkeypatch.setattr("orchestrator.cli.progress.Console", lambda file: made)
    with TerminalProgress() as progress:
        progress.stage("race", steps=2)
        progress.step("paced kws")
        progress.meter("backlog ### 7")
        progress._bars.refresh()
    assert "paced kws  backlog ### 7" in out.getvalue()
