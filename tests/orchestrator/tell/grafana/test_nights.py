"""Simulated nights in Debian's Prometheus: every query of every dashboard has data, every alert its fault.

`make dashboards-check` does it with 90 nights of 20 devices with 10 configurations each, and fault by fault.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from orchestrator.tell.grafana.against import Answer, Prometheus, ask
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.telemetry.server import Server
from orchestrator.workflows.dashboards import answers
from tests import prometheus as servers
from tests.orchestrator.tell.grafana.chat import Chat, chat
from tests.simulated_nights import PLAN, Lab, Sample, write

ALL = os.environ.get("EARSHOT_DASHBOARDS") == "1"
SIZE = (90, 20, 10) if ALL else (14, 6, 4)
DASHBOARDS = Path(__file__).parents[4] / "dashboards"
KINDS = ("regression", "improvement", "suspect", "device-drift", "lab-drift")


@dataclass
class Shown:
    server: servers.Prometheus
    lab: Lab
    written: int


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """With a verdict of each kind in the last night."""
    lab = Lab(*SIZE, end_s=time.time() - 30)
    # Nights of three months arrive at once: the window that a lab's own Prometheus has is for a month.
    with servers.prometheus(tmp_path_factory.mktemp("shown"), out_of_order="120d") as server:
        written = write(lab.samples(), server.url)
        told_s = lab.end_s - 4 * 3600
        for at, kind in enumerate(KINDS):
            ratio = (0.9, 0.88, 0.92) if kind == "improvement" else (1.07, 1.05, 1.09)
            written += write(lab.verdict(kind, told_s, ratio, device=at, way=2 * at % SIZE[2]), server.url)
        yield Shown(server, lab, written)


def test_every_query_of_every_dashboard_has_data(shown: Shown) -> None:
    asked = list(answers(shown.server.url, None, shown.lab.end_s))
    empty = [(a.target.board, a.target.panel, a.target.ref, a.problem, a.expr) for a in asked if not a.series]
    assert empty == []
    assert len(asked) > 100
    # From an instant on there are figures without a gap: between two nights a panel is as full as after one.
    p99 = next(a for a in asked if (a.target.board, a.target.panel) == ("Earshot / Device", "Latency p99"))
    times = [float(at) for at, _ in p99.result[0]["values"]]
    steps = {round(after - before) for before, after in pairwise(times)}
    assert len(steps) == 1
    assert shown.lab.end_s - times[-1] <= steps.pop()


def test_what_is_shown_is_what_was_written(shown: Shown) -> None:
    _, devices, ways = SIZE
    figures = {(a.target.board, a.target.panel): a for a in answers(shown.server.url, None, shown.lab.end_s)}

    def figure(board: str, panel: str) -> float:
        found = figures[f"Earshot / {board}", panel].result
        assert len(found) == 1
        return float(found[0]["value"][1])

    assert figure("Lab overview", "Sessions") == devices * ways
    assert figure("Lab overview", "Devices") == devices
    assert figure("Lab overview", "Regressions") == 1
    assert figure("Regressions", "Suspicions") == 1
    assert figure("Farm health", "Devices up") == devices
    assert figure("Lab overview", "Since the last night") == pytest.approx(4 * 3600, abs=1)
    # Int8 has 0.6 of the service time of fp32, and the noise is 1 %.
    assert figure("Compare two configurations", "Real-time factor, B over A") == pytest.approx(1 / 0.6 - 1, abs=0.05)
    told = figures["Earshot / Regressions", "Verdicts of the last 30 days"].result
    blamed = {each["metric"]["kind"]: (each["metric"].get("axis"), float(each["value"][1])) for each in told}
    assert blamed["regression"] == ("model_commit", pytest.approx(0.07))
    assert blamed["improvement"][1] == pytest.approx(-0.1)


def test_one_value_of_each_variable_has_data_too(shown: Shown) -> None:
    """Names with brackets, commas and dots go into a regular expression: they are escaped as Grafana escapes them."""
    labels = shown.lab.configuration(1, 1)
    chosen = {name: [value] for name, value in labels.items()} | {"plan": [PLAN]}
    assert "(" in labels["precision"]
    with Server(shown.server.url) as server:
        for board in BOARDS:
            if board.uid in ("earshot-device", "earshot-model", "earshot-energy"):
                found = list(ask(board.as_json(), Prometheus(server), shown.lab.end_s, chosen))
                empty = [a.target.panel for a in found if a.problem]
                assert empty == [], board.uid


def test_a_variable_without_values_is_a_problem_and_not_a_pass(shown: Shown) -> None:
    """Two years ago nothing was measured."""
    with Server(shown.server.url) as server:
        found: list[Answer] = list(ask(BOARDS[1].as_json(), Prometheus(server), shown.lab.end_s - 700 * 86_400))
    assert {a.problem for a in found} == {"no value for device"} or all(a.problem for a in found)


@dataclass
class Watched:
    server: servers.Prometheus
    lab: Lab
    chat: Chat

    def firing(self) -> set[str]:
        alerts = self.server.get("/api/v1/alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def wait(self, wanted: set[str]) -> None:
        until = time.monotonic() + 60
        while self.firing() != wanted and time.monotonic() < until:
            time.sleep(0.1)
        assert self.firing() == wanted

    def evaluations(self) -> None:
        """Until each group has been evaluated twice more."""
        seen: dict[str, set[str]] = {}
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for group in self.server.get("/api/v1/rules")["groups"]:
                seen.setdefault(group["name"], set()).add(group["lastEvaluation"])
                assert not [rule["lastError"] for rule in group["rules"] if rule.get("lastError")]
            if len(seen) == 3 and all(len(times) >= 3 for times in seen.values()):
                return
            time.sleep(0.2)
        raise AssertionError(f"rules are not evaluated: {seen}")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A lab that is well, with the committed rules and the committed route. Only waits are shorter: what must last for
    minutes to be an alert is one at once (promtool's tests hold those times), and a group is told after a tenth of a
    second.
    """
    rules = tmp_path / "earshot.rules.yml"
    text = (DASHBOARDS / "rules" / rules.name).read_text()
    rules.write_text(re.sub(r"\n +for: \w+", "", text).replace("interval: 1m", "interval: 1s"))
    with chat() as room:
        config = tmp_path / "alertmanager.yml"
        route = (DASHBOARDS / "alertmanager" / config.name).read_text()
        (tmp_path / "chat_url").write_text(room.url)
        route = route.replace("/etc/alertmanager/chat_url", str(tmp_path / "chat_url"))
        route = route.replace("/etc/alertmanager", str(DASHBOARDS / "alertmanager"))
        config.write_text(re.sub(r"group_wait: \w+", "group_wait: 100ms", route))
        lab = Lab(9, 6, 2, end_s=time.time() - 1)
        with (
            servers.alertmanager(tmp_path / "am", config) as manager,
            servers.prometheus(
                tmp_path / "prom",
                rules=[rules],
                alertmanager=manager.url.removeprefix("http://"),
                # It finds its Alertmanager some seconds after its start; what it told nobody by then it tells again.
                more=["--rules.alert.resend-delay=1s"],
            ) as server,
        ):
            _address_of_grafana(server)
            write(lab.samples(), server.url)
            yield Watched(server, lab, room)


def _address_of_grafana(server: servers.Prometheus) -> None:
    """As prometheus.yml has it: links begin with it, and Alertmanager does not get it as a label."""
    committed = yaml.safe_load((DASHBOARDS / "prometheus" / "prometheus.yml").read_text())
    file = server.folder / "prometheus.yml"
    config = json.loads(file.read_text())
    config["global"]["external_labels"] = committed["global"]["external_labels"]
    config["alerting"]["alert_relabel_configs"] = committed["alerting"]["alert_relabel_configs"]
    file.write_text(json.dumps(config))
    # A reload would keep rules that are as they were, with the labels that they had.
    server.stop()
    server.start()


def _verdict(kind: str) -> Callable[[Lab, float], Iterator[Sample]]:
    return lambda lab, at_s: lab.verdict(kind, at_s, (1.071, 1.0493, 1.0931), device=KINDS.index(kind))


def _difference(lab: Lab, at_s: float) -> Iterator[Sample]:
    key = {**lab.configuration(0, 0), "metric": "error_rate", "aspect": "level", "kind": "regression"}
    yield Sample("earshot_regression_difference_ratio", at_s, 0.03, key)


def _stale(lab: Lab, at_s: float) -> Iterator[Sample]:
    """Another plan, whose last night was two days ago."""
    yield Sample("earshot_night_finished_timestamp_seconds", at_s - 2 * 86_400, at_s - 2 * 86_400, {"plan": "weekly"})


def _throttled(lab: Lab, at_s: float) -> Iterator[Sample]:
    for device in (0, 1):
        yield Sample("earshot_throttled", at_s, 1, lab.configuration(device, 0))


def _refused(lab: Lab, at_s: float) -> Iterator[Sample]:
    labels = {"target": "simulated", "reason": "too old"}
    yield Sample("earshot_outbox_refused_samples_total", at_s, 7, labels)


FAULTS: dict[str, Callable[[Lab, float], Iterator[Sample]]] = {
    "EarshotSuspect": _verdict("suspect"),
    "EarshotRegression": _verdict("regression"),
    "EarshotImprovement": _verdict("improvement"),
    "EarshotDeviceDrift": _verdict("device-drift"),
    "EarshotLabDrift": _verdict("lab-drift"),
    "EarshotRegressionFromZero": _difference,
    "EarshotNightStale": _stale,
    "EarshotNightIncomplete": lambda lab, at_s: lab.night_record(at_s, missing=2),
    "EarshotLabThrottled": _throttled,
    "EarshotDeviceLost": lambda lab, at_s: (s for s in lab.now(at_s, down=["device-03"]) if "device_up" in s.name),
    "EarshotDeviceQuarantined": lambda lab, at_s: (
        s for s in lab.now(at_s, quarantined=["device-04"]) if "device_quarantined" in s.name
    ),
    "EarshotOutboxRefused": _refused,
    "EarshotLiveDown": lambda lab, at_s: iter([Sample("up", at_s, 0, {})]),
}


def test_every_alert_fires_on_its_fault_and_only_then(watched: Watched) -> None:
    """A lab that is well fires none; then fault by fault, each adds its own alert to those before it and no other."""
    watched.evaluations()
    assert watched.firing() == set()
    expected: set[str] = set()
    for name, fault in FAULTS.items():
        write(fault(watched.lab, time.time()), watched.server.url)
        expected.add(name)
        if ALL:
            watched.wait(expected)
    watched.wait(expected)
    watched.evaluations()
    assert watched.firing() == expected

    told = watched.chat.wait(lambda message: message["title"].startswith("Regression: latency_p99_ms"))
    assert told["title"] == "Regression: latency_p99_ms of kws since model_commit b87c3d2"
    assert told["color"] == "danger"
    lines = told["text"].strip().splitlines()
    assert lines[:5] == [
        "what: latency_p99_ms of kws onnx:fp32 (onnxruntime, CPUExecutionProvider, paced) got worse; "
        "confirmed by re-run",
        "where: device-00 (Pixel 7)",
        "how much: changed by 7.1%, with 95 % by 4.9 to 9.3 %",
        "since when: 2026-11-19",
        "to blame: model_commit 4e1f0a9 -> b87c3d2",
    ]
    assert lines[-1].startswith("look: http://127.0.0.1:3000/d/earshot-regressions?var-device=device-00&var-model=kws")
    assert told["title_link"] == lines[-1].removeprefix("look: ")
    for name in ("Device lost: device-03", "No night of weekly", "The lab is throttled", "In quarantine: device-04"):
        watched.chat.wait(lambda message, name=name: message["title"] == name)  # type: ignore[misc]
    assert not [m["title"] for m in watched.chat.messages if m["title"].startswith("Suspect")], "it pages nobody"


def test_an_outbox_of_which_nothing_goes_is_stuck_and_one_that_is_sent_is_not(watched: Watched) -> None:
    """Two hours old samples wait: while others go it is a backfill."""
    for sample in watched.lab.now(time.time(), waiting_s=7200):
        if "oldest" in sample.name:
            write([sample], watched.server.url)
    watched.evaluations()
    assert watched.firing() == set()
    now_s = time.time()
    other = [
        Sample("earshot_outbox_oldest_timestamp_seconds", now_s, now_s - 7200, {"target": "down"}),
        Sample("earshot_outbox_sent_samples_total", now_s, 5000, {"target": "down"}),
    ]
    write(other, watched.server.url)
    watched.wait({"EarshotOutboxStuck"})
