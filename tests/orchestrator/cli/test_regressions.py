"""``earshot regressions`` as it is typed, on a ledger of synthetic nights."""

import json
import re
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from orchestrator.cli.output import number
from orchestrator.decide.regression.tuning import DEFAULT
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.night_series import CONFIRM
from tests.orchestrator.workflows.night_ledger import add_night, at, make_ledger

COMMITS = [f"commit{i:02d}" for i in range(12)]
ALERT = 9


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve nights; the last commit is slower by a tenth, and was run again beside that of a week ago."""
    folder = tmp_path_factory.mktemp("nights")
    make_ledger(folder, [2.0] * 11 + [2.2], COMMITS)
    with Ledger.open(folder / "ledger.db") as ledger:
        add_night(ledger, 11, [2.0, 2.2], [COMMITS[4], COMMITS[11]], workflow=CONFIRM)
    return folder


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(("regressions", *words))
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_alert_is_told_with_all_that_explains_it(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--results", str(results))
    assert code == ALERT
    assert f"night of {at(11)}" in out
    for part in ("regression", "service_p50_ms", "worse by 10", f"since {at(11)}", "model commit", "re-run"):
        assert part in out
    assert re.search(r"service_p50_ms .* 1\.\d+ \[1\.\d+\.\.1\.\d+\]", out), "a row for each figure, with its interval"
    assert f"false alarms: at most {number(DEFAULT.false_alarms_per_100)} in 100 nights" in out


def test_a_quiet_night_says_so(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--results", str(results), "--night", at(6))
    assert code == 0
    assert "nothing is off what was usual" in out
    assert "have too few nights yet" in out


def test_json_carries_the_same(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--results", str(results), "--json")
    found = json.loads(out)
    assert code == ALERT
    (alert,) = [v for v in found["told"] if v["kind"] == "regression" and v["key"]["metric"] == "service_p50_ms"]
    assert alert["confirmed_by"] == "re-run"
    assert alert["effect"]["low"] < 1.1 < alert["effect"]["high"]
    assert alert["blame"][0]["axis"] == "model_commit"


def test_what_it_cannot_do_is_said_with_the_next_step(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = typed(capsys, "--results", str(results), "--night", "yesterday")
    assert code == 2
    assert "nothing was measured in the night of yesterday" in err
    assert at(11) in err
    code, _, err = typed(capsys, "--results", str(results / "nowhere"))
    assert code == 6
    assert "Traceback" not in err
