"""Rules, routes and what mounts them: by Debian's promtool and amtool, and read as files."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.tell.grafana import mounted, push
from orchestrator.tell.grafana.rules import rule_groups
from orchestrator.tell.telemetry.names import METRICS
from tests.hosts import require_program

DASHBOARDS = Path(__file__).parents[4] / "dashboards"
RULES = DASHBOARDS / "rules" / "earshot.rules.yml"
MESSAGE = {"summary", "what", "where", "link"}


def _tool(*argv: str) -> str:
    done = subprocess.run([require_program(argv[0]), *argv[1:]], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_promtool_takes_the_rules() -> None:
    assert "SUCCESS" in _tool("promtool", "check", "rules", str(RULES))


@pytest.mark.parametrize("name", ["verdicts", "nights", "farm"])
def test_the_unit_tests_of_the_rules(name: str) -> None:
    assert "SUCCESS" in _tool("promtool", "test", "rules", str(RULES.parent / "tests" / f"{name}.yml"))


def test_the_unit_tests_can_fail(tmp_path: Path) -> None:
    """With a threshold of a rule moved."""
    (tmp_path / "tests").mkdir()
    moved = RULES.read_text().replace("> 30 * 3600", "> 40 * 3600")
    assert moved != RULES.read_text()
    (tmp_path / RULES.name).write_text(moved)
    test = tmp_path / "tests" / "nights.yml"
    test.write_text((RULES.parent / "tests" / "nights.yml").read_text())
    done = subprocess.run([require_program("promtool"), "test", "rules", str(test)], capture_output=True, timeout=120)
    assert done.returncode != 0


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
    told = "".join(path.read_text() for path in (RULES.parent / "tests").glob("*.yml"))
    assert {rule["alert"] for rule in _alerts() if rule["alert"] not in told} == set()


def test_every_alert_says_what_where_and_whom_it_reaches() -> None:
    for rule in _alerts():
        assert set(rule["annotations"]) >= MESSAGE, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "warning", "info", "none"), rule["alert"]
    verdicts = [rule for rule in _alerts() if "since" in rule["annotations"]]
    assert all({"how_much", "blame"} <= set(rule["annotations"]) for rule in verdicts)
    assert len(verdicts) == 6


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    text = "".join(rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"])
    assert sorted(name for name in re.findall(r"\bearshot_\w+", text) if name not in METRICS) == []


def test_amtool_takes_the_route_and_the_message(tmp_path: Path) -> None:
    """With the template where Alertmanager looks for it."""
    config = (DASHBOARDS / "alertmanager" / "alertmanager.yml").read_text()
    (tmp_path / "alertmanager.yml").write_text(config.replace("/etc/alertmanager", str(DASHBOARDS / "alertmanager")))
    said = _tool("amtool", "check-config", str(tmp_path / "alertmanager.yml"))
    assert "1 templates" in said


@pytest.mark.parametrize(
    ("severity", "receiver"), [("none", "nobody"), ("info", "chat"), ("warning", "chat"), ("page", "chat")]
)
def test_whom_an_alert_reaches(severity: str, receiver: str) -> None:
    config = str(DASHBOARDS / "alertmanager" / "alertmanager.yml")
    said = _tool("amtool", "config", "routes", "test", f"--config.file={config}", f"severity={severity}")
    assert said.split() == [receiver]


def test_promtool_takes_prometheuss_configuration(tmp_path: Path) -> None:
    config = (DASHBOARDS / "prometheus" / "prometheus.yml").read_text()
    mine = config.replace("/etc/prometheus/rules", str(RULES.parent))
    (tmp_path / "prometheus.yml").write_text(
        mine.replace("/etc/prometheus/targets", str(DASHBOARDS / "prometheus" / "targets"))
    )
    said = _tool("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
    assert "1 rule files found" in said
    assert "rules found" in said


def test_compose_mounts_what_is_there_and_listens_here_only() -> None:
    compose = yaml.safe_load((DASHBOARDS / "docker-compose.yml").read_text())
    assert set(compose["services"]) == {"prometheus", "alertmanager", "grafana"}
    for service in compose["services"].values():
        image, _, tag = service["image"].rpartition(":")
        assert image
        assert any(each.isdigit() for each in tag), "pinned by a version"
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (DASHBOARDS / source).exists() if source.startswith(".") else source in compose["volumes"], volume


def test_compose_starts_prometheus_as_the_configuration_asks() -> None:
    compose = yaml.safe_load((DASHBOARDS / "docker-compose.yml").read_text())
    said = " ".join(compose["services"]["prometheus"]["command"])
    for flag in (
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage,native-histograms",
        "--storage.tsdb.retention.time=400d",
    ):
        assert flag in said
    config = yaml.safe_load((DASHBOARDS / "prometheus" / "prometheus.yml").read_text())
    assert config["storage"]["tsdb"]["out_of_order_time_window"] == "30d"
    assert "--cluster.listen-address=" in compose["services"]["alertmanager"]["command"]


def test_provisioning_and_push_make_the_same_data_source_and_folder() -> None:
    sources = yaml.safe_load((DASHBOARDS / "provisioning" / "datasources" / "earshot.yml").read_text())["datasources"]
    assert (sources[0]["uid"], sources[0]["name"]) == (push.SOURCE_UID, push.SOURCE_NAME)
    assert sources[0]["jsonData"]["alertmanagerUid"] == sources[1]["uid"]
    provider = yaml.safe_load((DASHBOARDS / "provisioning" / "dashboards" / "earshot.yml").read_text())["providers"][0]
    assert (provider["folder"], provider["folderUid"]) == (push.FOLDER_TITLE, push.FOLDER_UID)
    grafana = yaml.safe_load((DASHBOARDS / "docker-compose.yml").read_text())["services"]["grafana"]
    assert f"./grafana:{provider['options']['path']}:ro" in grafana["volumes"]


def test_as_grafana_manages_them() -> None:
    groups = rule_groups(mounted.shipped(mounted.RULES_FILE), "earshot", "my-source", "http://grafana.lab:3000/")
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["title"] for rule in rules} == {rule["alert"] for rule in _alerts()}
    assert len({rule["uid"] for rule in rules}) == len(rules)
    lost = next(rule for rule in rules if rule["title"] == "EarshotDeviceLost")
    asked, condition = lost["data"]
    assert (asked["datasourceUid"], asked["model"]["expr"].strip()[:29]) == (
        "my-source",
        "max by (device) (earshot_devi",
    )
    # A device that is down has the value 0, and is an alert.
    assert (condition["model"]["type"], condition["model"]["expression"]) == ("math", "is_number($A)")
    assert (lost["condition"], lost["noDataState"], lost["execErrState"], lost["for"]) == ("B", "OK", "Error", "30m")
    assert lost["annotations"]["link"].startswith("http://grafana.lab:3000/d/earshot-farm?")


def test_nothing_that_only_prometheus_understands_is_left_in_grafanas_texts() -> None:
    groups = rule_groups(mounted.shipped(mounted.RULES_FILE), "earshot", "s", "http://g")
    texts = [text for group in groups for rule in group["rules"] for text in rule["annotations"].values()]
    assert not [text for text in texts if "$value " in text or "externalLabels" in text or "query" in text.split("|")]
    assert any("$values.A.Value | humanizePercentage" in text for text in texts)
