"""Any command that prints watts: what it prints, and that nothing of it stays behind."""

import sys
import time
from pathlib import Path

import pytest

from orchestrator.measure.meters import command
from orchestrator.measure.meters.command import POWER, CommandOptions


def printing(*lines: str, then: str = "import time; time.sleep(60)") -> CommandOptions:
    code = f"import sys\nfor line in {lines!r}: print(line, flush=True)\n{then}"
    return CommandOptions(argv=(sys.executable, "-I", "-c", code))


def test_each_line_is_a_reading() -> None:
    meter = printing("1.5", " 2.25 ", "3e0").open()
    assert [meter.read()[POWER] for _ in range(3)] == [1.5, 2.25, 3.0]
    meter.close()


@pytest.mark.parametrize("line", ["", "1.5 W", "1,5", "nan", "inf", "-1.5", "1500000", "1.5\t2.5"])
def test_a_line_that_is_no_power_is_no_reading_and_the_next_one_is(line: str) -> None:
    meter = printing(line, "2.0").open()
    with pytest.raises(ValueError):
        meter.read()
    assert meter.read() == {POWER: 2.0}
    meter.close()


def test_a_command_that_ends_or_never_started() -> None:
    meter = printing("1.0", then="sys.exit(3)").open()
    assert meter.read() == {POWER: 1.0}
    with pytest.raises(OSError, match="ended with exit code 3"):
        meter.read()
    meter.close()
    with pytest.raises(FileNotFoundError):
        CommandOptions(argv=("/nowhere/meter",)).open()


def test_a_silent_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LINE_TIMEOUT_S", 0.05)
    meter = printing().open()
    with pytest.raises(OSError, match=r"printed no line within 0\.05 s"):
        meter.read()
    meter.close()


def test_its_children_end_with_it(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child; echo 1.0; wait"
    meter = CommandOptions(argv=("sh", "-c", script)).open()
    meter.read()
    child = int((tmp_path / "child").read_text())
    meter.close()
    give_up_s = time.monotonic() + 10
    while _alive(child) and time.monotonic() < give_up_s:
        time.sleep(0.01)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    """A zombie whose parent is another process is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("argv", [(), ("",), ("meter", "")])
def test_no_command(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="argv must be a command"):
        CommandOptions(argv=argv)
