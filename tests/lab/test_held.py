"""A process that lives as long as its owner: it answers, and when it fails it says why."""

import sys
from collections.abc import Iterator

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.held import HeldProcess

ECHO = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
# It does not end with its stdin.
DEAF = "import sys, time\nprint('here', flush=True)\ntime.sleep(1000)"


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Iterator[HeldProcess]:
    process = HeldProcess([sys.executable, "-I", "-S", "-c", request.param], what="the helper")
    yield process
    process.close()
    assert not process.running


@pytest.mark.parametrize("held", [ECHO], indirect=True)
def test_it_answers_line_by_line(held: HeldProcess) -> None:
    assert [held.ask("a"), held.ask("b")] == ["A", "B"]
    assert held.running


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("raise SystemExit('no such interface')", "no such interface"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.stdin.readline()", "the helper gave no answer to 'a'"),
    ],
    indirect=["held"],
)
def test_one_that_fails_says_why(held: HeldProcess, said: str) -> None:
    with pytest.raises(DeviceNotReady, match=said) as refused:
        held.ask("a")
    assert "Traceback" not in refused.value.message


@pytest.mark.parametrize("held", ["import time; time.sleep(1000)"], indirect=True)
def test_one_that_hangs_is_given_up(held: HeldProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.measure.standin.held.ENDING_TIMEOUT_S", 0.1)
    with pytest.raises(DeviceNotReady, match="gave no answer"):
        held.ask("a", timeout_s=0.2)


@pytest.mark.parametrize("held", [DEAF], indirect=True)
def test_one_that_does_not_end_by_itself_is_ended(held: HeldProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.measure.standin.held.ENDING_TIMEOUT_S", 0.1)
    assert held.ask("a") == "here"
