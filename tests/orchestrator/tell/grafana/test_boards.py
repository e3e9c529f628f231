"""The dashboards as they are committed, and the rules that they keep."""

import copy
from pathlib import Path
from typing import Any

import pytest

from orchestrator.tell.grafana import mounted
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.grafana.files import differing, write
from orchestrator.tell.grafana.lint import lint
from orchestrator.tell.grafana.model import panels_of, selectors_of, targets_of, used_in

DASHBOARDS = Path(__file__).parents[4] / "dashboards"
MODELS = [board.as_json() for board in BOARDS]


def test_the_committed_files_are_what_the_code_makes() -> None:
    assert list(differing(BOARDS, DASHBOARDS / "grafana")) == [], "earshot dashboards build dashboards"


def test_another_file_is_noticed(tmp_path: Path) -> None:
    write(BOARDS, tmp_path)
    (tmp_path / "earshot-lab.json").write_text("{}")
    (tmp_path / "earshot-farm.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    said = "\n".join(differing(BOARDS, tmp_path))
    assert "earshot-lab.json is not what" in said
    assert "earshot-farm.json is missing" in said
    assert "old.json is none of" in said


def test_they_keep_all_rules() -> None:
    assert [str(problem) for problem in lint(MODELS)] == []


def test_there_are_the_seven_that_the_menu_promises() -> None:
    assert [model["uid"].removeprefix("earshot-") for model in MODELS] == [
        "lab",
        "device",
        "model",
        "regressions",
        "energy",
        "compare",
        "farm",
    ]
    assert all(len(list(panels_of(model))) >= 8 for model in MODELS)


def test_sessions_lead_to_the_reports_that_show_them() -> None:
    device = next(model for model in MODELS if model["uid"] == "earshot-device")
    table = next(panel for panel in panels_of(device) if panel["title"].startswith("Sessions"))
    links = [
        link["url"]
        for override in table["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    assert links == ["${pages}/${__data.fields.study_id}.html"]
    hidden = [each["matcher"]["options"] for each in table["fieldConfig"]["overrides"]][-1]
    assert hidden == "study_id", "the column that the link needs is there, out of sight"


def _broken(change: str) -> list[Any]:
    models = copy.deepcopy(MODELS)
    model = models[0]
    panel = next(panel for panel in panels_of(model) if panel["type"] == "timeseries")
    variables = model["templating"]["list"]
    match change:
        case "no description":
            panel["description"] = ""
        case "no unit":
            panel["fieldConfig"]["defaults"]["unit"] = "seconds"
        case "another source":
            panel["datasource"]["uid"] = "my-prometheus"
        case "source of a query":
            panel["targets"][0]["datasource"]["uid"] = "my-prometheus"
        case "nothing asked":
            panel["targets"] = []
        case "no job":
            panel["targets"][0]["expr"] = 'earshot_rtf_ratio{device=~"$device"}'
        case "unknown metric":
            panel["targets"][0]["expr"] = 'earshot_rtf{job=~"$job"}'
        case "unknown label":
            panel["targets"][0]["expr"] = 'earshot_rtf_ratio{job=~"$job", phone=~"$device"}'
        case "undefined variable":
            panel["targets"][0]["expr"] = 'earshot_rtf_ratio{job=~"$job", device=~"$phone"}'
        case "bare counter":
            panel["targets"][0]["expr"] = 'earshot_outbox_sent_samples_total{job=~"$job"}'
        case "unused variable":
            variables.append({**variables[-1], "name": "spare"})
        case "variable too early":
            variables[2]["query"] = 'label_values(earshot_session_info{variant=~"$variant"}, device_model)'
        case "variable not asked anew":
            variables[2]["refresh"] = 1
        case "one job only":
            variables[1]["multi"] = False
        case "no source variable":
            variables[0]["name"] = "ds"
        case "dead link":
            panel["fieldConfig"]["defaults"]["links"] = [{"title": "x", "url": "/d/earshot-phones"}]
        case "label of a legend":
            panel["targets"][0]["legendFormat"] = "{{phone}}"
        case "column of a table":
            table = next(panel for panel in panels_of(model) if panel["type"] == "table")
            table["transformations"][0]["options"]["include"]["names"].append("url")
        case "field of a link":
            table = next(panel for panel in panels_of(model) if panel["type"] == "table")
            table["fieldConfig"]["defaults"]["links"] = [{"title": "x", "url": "${__data.fields.url}"}]
        case "two of one id":
            model["panels"][1]["id"] = model["panels"][2]["id"]
    return models


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("no description", "panel-title-description-rule"),
        ("no unit", "panel-units-rule"),
        ("another source", "panel-datasource-rule"),
        ("source of a query", "no-hard-coded-uid-rule"),
        ("nothing asked", "panel-no-targets-rule"),
        ("no job", "target-job-rule"),
        ("unknown metric", "metric-registered-rule"),
        ("unknown label", "metric-registered-rule"),
        ("undefined variable", "variable-defined-rule"),
        ("bare counter", "target-counter-agg-rule"),
        ("unused variable", "variable-used-rule"),
        ("variable too early", "template-label-promql-rule"),
        ("variable not asked anew", "template-on-time-change-reload-rule"),
        ("one job only", "template-job-rule"),
        ("no source variable", "template-datasource-rule"),
        ("dead link", "element-reference-rule"),
        ("label of a legend", "label-there-rule"),
        ("column of a table", "label-there-rule"),
        ("field of a link", "label-there-rule"),
        ("two of one id", "panel-id-rule"),
    ],
)
def test_each_rule_finds_what_breaks_it(change: str, rule: str) -> None:
    assert rule in {problem.rule for problem in lint(_broken(change))}


def test_the_wheel_has_what_is_mounted(tmp_path: Path) -> None:
    """pyproject.toml names the folder; here it is read as it will be there."""
    paths = {str(path.relative_to(tmp_path)) for path in mounted.write(tmp_path)}
    assert {
        "docker-compose.yml",
        "rules/earshot.rules.yml",
        "alertmanager/alertmanager.yml",
        "alertmanager/earshot.tmpl",
        "prometheus/prometheus.yml",
        "prometheus/targets/earshot.yml",
        "provisioning/datasources/earshot.yml",
        "provisioning/dashboards/earshot.yml",
        "grafana/.lint",
    } <= paths
    assert not any(path.endswith((".py", ".pyc", "chat_url")) for path in paths)
    assert (tmp_path / "rules/earshot.rules.yml").read_text() == (DASHBOARDS / "rules/earshot.rules.yml").read_text()


def test_reading_a_query() -> None:
    found = selectors_of('sum(rate(earshot_a{job=~"$job", le="1"}[5m])) / earshot_b{job!~"x"}')
    assert [(each.metric, each.matchers) for each in found] == [
        ("earshot_a", (("job", "=~", "$job"), ("le", "=", "1"))),
        ("earshot_b", (("job", "!~", "x"),)),
    ]
    assert used_in("$job ${device:regex} $__interval ${__data.fields.url}") == {"job", "device"}
    assert all(target.expr for model in MODELS for target in targets_of(model))
