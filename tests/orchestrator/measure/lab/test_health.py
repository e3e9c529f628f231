"""What counts against a device, and its power hooks."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import wire
from orchestrator.errors import BadInput, CommandFailed, DeviceError, DeviceQuarantined, SessionFailed, Unreachable
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import LOCAL, Device, Hooks
from orchestrator.measure.lab.health import cycle_power, failed_session, power, require_usable, watched


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Unreachable("link lost"), 1),
        (SessionFailed("no result", failure="internal"), 1),
        (BadInput("no such provider"), 0),
        (CommandFailed("refused", argv=["x"], exit_code_remote=2, stderr_tail=""), 0),
        (KeyboardInterrupt(), 0),
    ],
)
def test_only_what_is_the_devices_fault_counts(ledger: Ledger, error: BaseException, counts: int) -> None:
    with pytest.raises(type(error)), watched(ledger, "pi5"):
        raise error
    assert health.health_of(ledger, "pi5").failures == counts


def test_sessions_count_for_and_against_the_device(ledger: Ledger) -> None:
    for failure, failures in (("killed", 1), ("provider-missing", 1), ("clock", 2), ("non-finite-output", 2)):
        failed_session(ledger, "pi5", wire.failed("s", failure, "a reason"))
        assert health.health_of(ledger, "pi5").failures == failures
    failed_session(ledger, "pi5", wire.RunResult("s", "ok", 10))
    assert health.health_of(ledger, "pi5").failures == 0


def test_three_in_a_row_and_the_device_is_refused_with_the_way_back(ledger: Ledger) -> None:
    for _ in range(3):
        require_usable(ledger, "pi5")
        failed_session(ledger, "pi5", wire.failed("s-9", "killed", "the session's process was ended by SIGKILL"))
    with pytest.raises(DeviceQuarantined, match=r"3 failures in a row, the last one: session s-9: .*SIGKILL") as caught:
        require_usable(ledger, "pi5")
    assert "earshot devices doctor pi5" in str(caught.value.hint)
    assert "earshot devices unquarantine pi5 --because" in str(caught.value.hint)


def test_this_machine_is_nobody_elses_problem(ledger: Ledger) -> None:
    for _ in range(5):
        failed_session(ledger, LOCAL, wire.failed("s", "killed", "a reason"))
    require_usable(ledger, LOCAL)


def script(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_hook_gets_its_arguments_as_they_are_and_its_output_is_kept(ledger: Ledger) -> None:
    argv = (*script("import sys; print(sys.argv[1:])"), "$(id)", "a b;c", "*")
    assert power(ledger, Device("pi5", "ssh", hooks=Hooks(power_on=argv)), "on") == "['$(id)', 'a b;c', '*']\n"
    (event,) = health.events(ledger, "pi5")
    assert event.kind == "power"
    assert event.detail.endswith("ended with 0: ['$(id)', 'a b;c', '*']")


def test_cycle_is_off_and_on_where_there_is_no_hook_of_its_own(ledger: Ledger) -> None:
    device = Device("pi5", "ssh", hooks=Hooks(power_off=script("print('off')"), power_on=script("print('on')")))
    assert power(ledger, device, "cycle") == "off\non\n"
    assert cycle_power(ledger, device)


def test_without_a_hook_or_with_a_broken_one_it_says_so(ledger: Ledger) -> None:
    assert not cycle_power(ledger, Device("pi5", "ssh"))
    with pytest.raises(BadInput, match="pi5 has no hook for power off"):
        power(ledger, Device("pi5", "ssh"), "off")
    failing = Device("pi5", "ssh", hooks=Hooks(power_cycle=script("import sys; sys.exit('no such port')")))
    with pytest.raises(DeviceError, match="exit code 1: no such port"):
        power(ledger, failing, "cycle")
    assert not cycle_power(ledger, failing)
    missing = Device("pi5", "ssh", hooks=Hooks(power_on=("/no/such/tool",)))
    with pytest.raises(DeviceError, match="No such file"):
        power(ledger, missing, "on")
    assert len(health.events(ledger, "pi5")) == 3
