"""``earshot dashboards`` as it is typed."""

import json
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from orchestrator.errors import MonitoringError
from tests.grafana_stand_in import TOKEN, grafana_stand_in
from tests.prometheus import free_port

WRONG = 9
ROOT = Path(__file__).parents[3]


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(("dashboards", *words))
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_is_built_is_what_is_committed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "build", str(tmp_path / "monitoring"), "--json")
    assert code == 0
    paths = [Path(path) for path in json.loads(out)]
    assert len(paths) >= 18
    for path in paths:
        assert path.read_text() == (ROOT / "dashboards" / path.relative_to(tmp_path / "monitoring")).read_text(), path


def test_a_folder_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = typed(capsys, "build", str(tmp_path / "file" / "below"))
    assert (code, "cannot be written" in err) == (2, True)


def test_check_says_what_is_wrong_with_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(capsys, "build", str(tmp_path))
    assert typed(capsys, "check", str(tmp_path))[:2] == (0, "the dashboards keep all rules\n")
    (tmp_path / "grafana" / "earshot-lab.json").unlink()
    code, out, _ = typed(capsys, "check", str(tmp_path))
    assert (code, "earshot-lab.json is missing" in out) == (WRONG, True)


def test_push_and_push_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with grafana_stand_in() as grafana:
        words = ("push", "--grafana", grafana.url, "--token-from", "env:GRAFANA_TOKEN")
        code, out, _ = typed(capsys, *words)
        assert code == 0
        assert "made dashboard Earshot / Lab overview" in out
        assert out.splitlines()[-1] == f"8 made, 0 changed, 0 as they were, in {grafana.url}"
        assert json.loads(typed(capsys, *words, "--json")[1])["made"] == []


def test_a_wrong_token_is_an_error_that_does_not_show_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_secret")
    with grafana_stand_in() as grafana:
        code, out, err = typed(capsys, "push", "--grafana", grafana.url, "--token-from", "env:GRAFANA_TOKEN")
    assert (code, "does not know the token" in err) == (MonitoringError.exit_code, True)
    assert "glsa_secret" not in out + err


def test_a_token_on_the_command_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = typed(capsys, "push", "--grafana", "http://127.0.0.1:1", "--token-from", "glsa_secret")
    assert (code, "env:NAME or file:PATH" in err) == (2, True)


def test_nobody_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    url = f"http://127.0.0.1:{free_port()}"
    code, _, err = typed(capsys, "push", "--grafana", url, "--token-from", "env:GRAFANA_TOKEN")
    assert (code, "cannot be reached" in err) == (MonitoringError.exit_code, True)
    code, _, err = typed(capsys, "check", "--prometheus", url)
    assert (code, "no answer of a Prometheus" in err) == (MonitoringError.exit_code, True)
