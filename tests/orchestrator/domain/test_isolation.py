"""The steps of isolation as they are asked for."""

import pytest

from agents import wire
from orchestrator.domain.isolation import parse_steps, power_mode_of, priority_of
from orchestrator.errors import BadInput


def test_steps_each_once_in_their_order() -> None:
    assert parse_steps(["irq", " governor", "irq", ""]) == ("irq", "governor")
    assert parse_steps(["none"]) == ()
    assert power_mode_of(parse_steps(["power-mode=2"])) == 2
    assert power_mode_of(("irq",)) is None


@pytest.mark.parametrize("words", [["govenor"], ["none", "irq"], ["power-mode"], ["power-mode=N"], ["power-mode=-1"]])
def test_an_unknown_step_is_refused_with_those_that_there_are(words: list[str]) -> None:
    with pytest.raises(BadInput, match="unknown isolation step") as refused:
        parse_steps(words)
    assert "governor, clocks" in str(refused.value.hint)


def test_two_priorities_are_one_too_many() -> None:
    with pytest.raises(BadInput, match="exclude each other"):
        parse_steps(["priority", "realtime"])


def test_realtime_is_for_sessions_that_sleep() -> None:
    assert priority_of(("realtime",), "paced") == wire.FIFO
    assert priority_of(("realtime",), "flat-out") == wire.NICE
    assert priority_of(("priority",), "paced") == wire.NICE
    assert priority_of(("irq",), "paced") == wire.PLAIN
