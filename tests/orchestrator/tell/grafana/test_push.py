"""Into a Grafana: against a stand-in that speaks its documented API (tests/grafana_stand_in.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, MonitoringError
from orchestrator.ledger.ledger import Ledger
from orchestrator.tell.grafana import push
from orchestrator.tell.grafana.annotations import Annotation, id_of
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.grafana.client import Grafana
from orchestrator.workflows.dashboards import PushSettings, push_all
from orchestrator.workflows.night_series import CONFIRM
from tests.grafana_stand_in import TOKEN, StandIn, grafana_stand_in
from tests.orchestrator.workflows.night_ledger import add_night, artifact_of, make_ledger
from tests.prometheus import free_port


@pytest.fixture
def grafana() -> Iterator[StandIn]:
    with grafana_stand_in() as state:
        yield state


def _settings(grafana: StandIn, **more: object) -> PushSettings:
    return PushSettings(grafana.url, TOKEN, prometheus_url="http://prometheus:9090", alerts=True, **more)  # type: ignore[arg-type]


def test_everything_arrives(grafana: StandIn) -> None:
    done = push_all(_settings(grafana))
    assert set(grafana.boards) == {board.uid for board in BOARDS}
    assert {each["meta"]["folderUid"] for each in grafana.boards.values()} == {"earshot"}
    assert grafana.sources["earshot-prometheus"]["url"] == "http://prometheus:9090"
    assert {title for _, title in grafana.groups} == {"earshot-verdicts", "earshot-nights", "earshot-farm"}
    assert (len(done.made), done.changed, done.unchanged) == (1 + 1 + len(BOARDS) + 3, [], [])


def test_the_same_again_writes_nothing(grafana: StandIn) -> None:
    push_all(_settings(grafana))
    before = list(grafana.writes)
    done = push_all(_settings(grafana))
    assert grafana.writes == before
    assert (done.made, done.changed) == ([], [])


def test_what_somebody_changed_is_put_back(grafana: StandIn) -> None:
    push_all(_settings(grafana))
    grafana.boards["earshot-lab"]["dashboard"]["panels"][1]["title"] = "mine"
    grafana.sources["earshot-prometheus"]["url"] = "http://elsewhere:9090"
    grafana.groups["earshot", "earshot-farm"]["rules"][0]["for"] = "2h"
    done = push_all(_settings(grafana))
    assert done.changed == [
        "data source Earshot Prometheus",
        "dashboard Earshot / Lab overview",
        "alert rules earshot-farm (5)",
    ]
    assert grafana.boards["earshot-lab"]["dashboard"]["panels"][1]["title"] == "Sessions"
    assert grafana.boards["earshot-lab"]["dashboard"]["version"] == 2


def test_below_a_path() -> None:
    with grafana_stand_in(prefix="/grafana") as state:
        assert len(push_all(PushSettings(f"{state.url}/", TOKEN)).made) == 1 + len(BOARDS)


def test_a_wrong_token(grafana: StandIn) -> None:
    with pytest.raises(MonitoringError, match="does not know the token: Invalid API key") as caught:
        push_all(PushSettings(grafana.url, "wrong"))
    assert "service account" in str(caught.value.hint)
    assert "wrong" not in caught.value.message


def test_a_token_that_may_not(grafana: StandIn) -> None:
    grafana.forbidden = ("/api/datasources",)
    with pytest.raises(MonitoringError, match="may not do this"):
        push_all(_settings(grafana))


def test_dashboards_of_others_are_all_named_and_nothing_is_written(grafana: StandIn) -> None:
    """One in another folder, one in none that was tagged by nobody of us."""
    for uid, folder in (("earshot-lab", "team"), ("earshot-farm", "")):
        meta = {"folderUid": folder, "folderTitle": folder.title()}
        grafana.boards[uid] = {"dashboard": {"uid": uid, "title": "Mine", "id": 1, "version": 3}, "meta": meta}
    with pytest.raises(BadInput) as caught:
        push_all(_settings(grafana))
    assert (
        "earshot-lab is 'Mine' in the folder 'Team'; earshot-farm is 'Mine' in the folder 'General'"
        in caught.value.message
    )
    assert "--overwrite" in str(caught.value.hint)
    assert grafana.writes == []
    push_all(_settings(grafana, overwrite=True))
    assert grafana.boards["earshot-lab"]["meta"]["folderUid"] == "earshot"


def test_a_name_that_another_data_source_has(grafana: StandIn) -> None:
    grafana.sources["other"] = {"uid": "other", "name": "Earshot Prometheus", "id": 1}
    with pytest.raises(BadInput, match="another data source"):
        push_all(_settings(grafana))


def test_alert_rules_of_a_data_source_that_is_not_there(grafana: StandIn) -> None:
    with pytest.raises(BadInput, match="no data source 'mine'") as caught:
        push_all(PushSettings(grafana.url, TOKEN, source_uid="mine", alerts=True))
    assert "--source" in str(caught.value.hint)
    assert grafana.writes == []
    grafana.sources["mine"] = {"uid": "mine", "name": "Mine", "id": 1}
    push_all(PushSettings(grafana.url, TOKEN, source_uid="mine", alerts=True))
    rules = grafana.groups["earshot", "earshot-farm"]["rules"]
    assert {rule["data"][0]["datasourceUid"] for rule in rules} == {"mine"}


def test_nobody_there() -> None:
    with pytest.raises(MonitoringError, match="cannot be reached"):
        push_all(PushSettings(f"http://127.0.0.1:{free_port()}", TOKEN))


def test_somebody_else_there() -> None:
    with grafana_stand_in(prefix="/grafana") as state, pytest.raises(MonitoringError):
        push_all(PushSettings(state.url.removesuffix("/grafana"), TOKEN))


@pytest.mark.parametrize("url", ["grafana.lab:3000", "ftp://grafana", "http://admin:admin@grafana.lab:3000"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadInput):
        push_all(PushSettings(url, TOKEN))


def _note(text: str, key: str = "k") -> Annotation:
    return Annotation(1_000, 2_000, "change-point", text, ("regression", "kws"), key)


def test_annotations_are_known_by_a_tag(grafana: StandIn) -> None:
    with Grafana(grafana.url, TOKEN) as client:
        for text, expected in (("slower", "made"), ("slower", "unchanged"), ("slower by 7 %", "changed")):
            done = push.Pushed()
            push.push_annotations(client, [_note(text)], done)
            assert getattr(done, expected) == [f"change-point {text}"]
        push.push_annotations(client, [_note("another", key="other")], push.Pushed())
    assert [note["text"] for note in grafana.notes.values()] == ["slower by 7 %", "another"]
    assert grafana.notes[1]["tags"][:4] == ["earshot", "change-point", "regression", "kws"]
    assert (grafana.notes[1]["time"], grafana.notes[1]["timeEnd"]) == (1_000, 2_000)


def test_annotations_of_people_are_left_alone(grafana: StandIn) -> None:
    grafana.notes[1] = {"tags": ["earshot"], "text": "we moved the rack", "time": 1, "timeEnd": 1}
    with Grafana(grafana.url, TOKEN) as client:
        push.push_annotations(client, [_note("slower")], push.Pushed())
    assert grafana.notes[1]["text"] == "we moved the rack"
    assert id_of(grafana.notes[1]["tags"]) is None


def test_what_the_ledger_knows_of_changes(grafana: StandIn, tmp_path: Path) -> None:
    """Twelve nights of commits; the last is slower by a tenth, and a re-run beside an old one says so."""
    a, b, c = (artifact_of(name).provenance.source_sha256[:12] for name in ("commit-a", "commit-b", "commit-c"))
    commits = ["commit-a"] * 9 + ["commit-b"] * 2 + ["commit-c"]
    make_ledger(tmp_path, [2.0] * 11 + [2.2], commits)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        add_night(ledger, 11, [2.0, 2.2], ["commit-a", "commit-c"], workflow=CONFIRM)
    settings = PushSettings(grafana.url, TOKEN, results=tmp_path)
    push_all(settings)
    by_kind: dict[str, list[dict[str, object]]] = {}
    for note in grafana.notes.values():
        by_kind.setdefault(note["tags"][1], []).append(note)
    assert any("regression" in note["tags"] for note in by_kind["change-point"])  # type: ignore[operator]
    assert [str(note["text"]).split(" on ")[0] for note in by_kind["deploy"]] == [
        f"model commit of synthetic: {a} -> {b}",
        f"model commit of synthetic: {b} -> {c}",
    ]
    before = len(grafana.notes)
    push_all(settings)
    assert len(grafana.notes) == before
