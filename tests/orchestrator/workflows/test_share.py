"""Devices shared by controllers that are real processes, over real sshds: refused, waiting, put out, killed."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents.claim import running
from agents.store import Store
from orchestrator.ledger import leases
from orchestrator.ledger.health import record_failure
from orchestrator.ledger.ledger import Ledger
from tests.hosts import MakeHost, SshHost, lab_text
from tests.orchestrator.workflows.command import environment
from tests.orchestrator.workflows.mini import add_mini

DEVICE = 5
WAIT_S = 120.0


@dataclass
class Controller:
    """``earshot`` with a results folder of its own; what it started ends with it."""

    home: Path
    lab: Path
    exported: Path
    results: Path = field(init=False)
    processes: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.results = self.home / "earshot-results"
        shutil.copytree(self.exported, self.results)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        argv = [
            sys.executable,
            "-m",
            "orchestrator.cli",
            *words,
            "--lab",
            str(self.lab),
            "--results",
            str(self.results),
        ]
        process = subprocess.Popen(
            argv,
            # The device's journals tell which sessions ran there, and when.
            env={**environment(self.home), "EARSHOT_KEEP_SESSIONS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, *words: str, devices: str = "--device=device", seconds: float = 1.0) -> "subprocess.Popen[str]":
        return self.start("run", "mini", devices, "--once", "--seconds", str(seconds), *words)

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def lease_of(self, device: str = "device") -> Any:
        with Ledger.open(self.results / "ledger.db") as ledger:
            return leases.lease_of(ledger, device)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in stderr, stderr
    return process.returncode, stdout, stderr


def wait_for(process: "subprocess.Popen[str]", condition: Callable[[], object]) -> None:
    """``process`` must live until then."""
    give_up_s = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s, "what was waited for did not come"
        time.sleep(0.02)


MakeController = Callable[[str], Controller]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the model ``mini`` and its artifact, made once."""
    home = tmp_path_factory.mktemp("exported")
    results = home / "earshot-results"
    add_mini(results)
    words = ["run", "mini", "--once", "--seconds", "1", "--mode", "flat-out", "--results", str(results)]
    subprocess.run([sys.executable, "-m", "orchestrator.cli", *words], env=environment(home), check=True)
    for left in results.glob("ledger.db*"):
        left.unlink()
    return results


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The agent's folder on the device; what still runs there ends with the test."""
    yield tmp_path / "device-root"
    end_sessions(tmp_path / "device-root")


def end_sessions(root: Path) -> None:
    store = Store(str(root))
    for folder in running(store):
        folder.ask_to_end("the test has ended")
    give_up_s = time.monotonic() + WAIT_S
    while running(store) and time.monotonic() < give_up_s:
        time.sleep(0.05)


@pytest.fixture
def controllers(ssh_host: SshHost, tmp_path: Path, root: Path, exported: Path) -> Iterator[MakeController]:
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text(ssh_host, root=root))
    made: list[Controller] = []

    def make(name: str) -> Controller:
        made.append(Controller(tmp_path / name, lab, exported))
        return made[-1]

    yield make
    for controller in made:
        controller.stop()


def journals(root: Path) -> dict[str, list[dict[str, Any]]]:
    """The device's sessions, each with its events."""
    found = {}
    for path in root.glob("sessions/*/events.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        found[path.parent.name] = [json.loads(line) for line in lines if line.endswith("\n")]
    return found


def measuring(root: Path) -> bool:
    """A session has begun, and none has ended."""
    kinds = [[event["kind"] for event in events] for events in journals(root).values()]
    return any("loaded" in kind for kind in kinds) and not any("finished" in kind for kind in kinds)


def assert_never_two_at_once(root: Path) -> None:
    spans = sorted((events[0]["t_ns"], events[-1]["t_ns"]) for events in journals(root).values())
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(spans)), spans


def fence(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((root / "fence.json").read_text())
    return value


def test_two_controllers_with_ledgers_of_their_own_never_measure_at_once(
    controllers: MakeController, root: Path
) -> None:
    one, two = controllers("one"), controllers("two")
    first = one.run(seconds=20)
    wait_for(first, lambda: measuring(root))
    code, _, stderr = ended(two.run())
    assert code == DEVICE
    assert f":{first.pid} since" in stderr
    assert "for: run mini (says the device; that controller uses another ledger)" in stderr
    assert "next:  wait for it with --wait 30m" in stderr
    code, _, stderr = ended(two.run("--wait", "5m", "--mode", "flat-out"))
    assert code == 0, stderr
    assert ended(first)[0] == 0
    assert len(journals(root)) == 2
    assert_never_two_at_once(root)
    assert (fence(root)["token"], fence(root)["released"]) == (2, True)


def test_many_rounds_of_two_ledgers_racing(controllers: MakeController, root: Path) -> None:
    racers = [
        controller.run("--wait", "5m", "--mode", "flat-out")
        for controller in (controllers("one"), controllers("two"))
        for _ in range(2)
    ]
    codes = [ended(racer) for racer in racers]
    assert [code for code, _, _ in codes] == [0] * len(racers), codes
    assert len(journals(root)) == len(racers)
    assert_never_two_at_once(root)
    assert fence(root)["token"] >= len(racers)


def test_who_is_put_out_by_force_is_told_and_its_command_goes_on_later(controllers: MakeController, root: Path) -> None:
    one, two = controllers("one"), controllers("two")
    first = one.run(seconds=300)
    wait_for(first, lambda: measuring(root))
    code, stdout, stderr = ended(two.start("devices", "release", "device", "--force"))
    assert (code, stdout) == (0, "device is free\n"), stderr
    assert ended(two.run())[0] == 0
    code, _, stderr = ended(first)
    assert code == DEVICE
    assert "error: the lease of device is lost: the session was ended" in stderr
    assert_never_two_at_once(root)
    with Ledger.open(one.results / "ledger.db") as ledger:
        (study,) = ledger.studies()
        assert (study.status, ledger.sessions(study.study_id)) == ("running", [])
    before = fence(root)["token"]
    again = one.run(seconds=300)
    wait_for(again, lambda: measured_under(root, study.study_id) > before)
    os.kill(again.pid, signal.SIGINT)
    assert "going on with what was started at" in ended(again)[2]


def measured_under(root: Path, study_id: str) -> int:
    """Token of the lease under which the study's session was started; 0 where there is none."""
    specs = list(root.glob(f"sessions/{study_id}*/spec.json"))
    return int(json.loads(specs[0].read_text())["fence"]) if specs else 0


def test_killed_and_started_again_it_collects_its_session_at_once(controllers: MakeController, root: Path) -> None:
    one = controllers("one")
    first = one.run(seconds=4)
    wait_for(first, lambda: measuring(root))
    first.kill()
    first.wait()
    code, _, stderr = ended(one.run(seconds=4))
    assert code == 0, stderr
    (events,) = journals(root).values()
    assert [event["kind"] for event in events].count("accepted") == 1
    assert fence(root)["token"] == 2


def test_a_hold_by_hand_keeps_others_off_until_it_is_released(controllers: MakeController, root: Path) -> None:
    one, two = controllers("one"), controllers("two")
    code, stdout, _ = ended(one.start("devices", "lease", "device", "--for", "2h", "--purpose", "new fan"))
    assert code == 0
    assert "device is yours" in stdout
    code, _, stderr = ended(two.run())
    assert code == DEVICE
    assert "for: new fan (says the device" in stderr
    (entry,) = [d for d in json.loads(ended(one.start("devices", "--json"))[1]) if d["name"] == "device"]
    assert (entry["lease"]["purpose"], entry["lease"]["process"]) == ("new fan", None)
    assert 7000 < entry["lease"]["expires_in_s"] <= 7200
    assert "new fan" in ended(one.start("devices"))[1]
    assert ended(one.start("devices", "release", "device"))[1] == "device is free\n"
    assert fence(root)["released"]


class TestSeveral:
    @pytest.fixture
    def hosts(self, make_ssh_host: MakeHost, tmp_path: Path) -> tuple[SshHost, SshHost]:
        one, two = make_ssh_host(), make_ssh_host()
        lab = [lab_text(one, name="pi5", root=tmp_path / "pi5"), lab_text(two, name="nano", root=tmp_path / "nano")]
        gone = '[devices.gone]\nhost = "127.0.0.1"\nport = 1\ntags = ["desk"]\n'
        (tmp_path / "lab.toml").write_text("\n".join([*lab, gone]).replace("\nport =", '\ntags = ["desk"]\nport =', 2))
        return one, two

    @pytest.fixture
    def controller(self, hosts: tuple[SshHost, SshHost], tmp_path: Path, exported: Path) -> Iterator[Controller]:
        made = Controller(tmp_path / "controller", tmp_path / "lab.toml", exported)
        yield made
        made.stop()
        for name in ("pi5", "nano"):
            end_sessions(tmp_path / name)

    def test_a_row_for_each_device_and_what_fails_leaves_the_others_alone(self, controller: Controller) -> None:
        code, stdout, stderr = ended(controller.run("--json", devices="--devices=tag:desk"))
        assert code == DEVICE
        said = {row["device"]: row for row in json.loads(stdout)}
        assert {name: row["ok"] for name, row in said.items()} == {"pi5": True, "nano": True, "gone": False}
        assert "connection refused" in said["gone"]["error"]["message"]
        assert said["gone"]["error"]["next"]
        assert said["gone"]["perceived"] is None
        for name in ("pi5", "nano"):
            figures = {figure["name"]: figure for figure in said[name]["figures"]}
            assert figures["latency, p50"]["unit"] == "ms"
            assert figures["latency, p50"]["value"] > 0
            assert said[name]["perceived"]["parts"][-1]["name"] == "sum"
            assert f"{name}: paced: 1 step" in stderr
        assert "error: 1 of 3 devices failed: gone" in stderr
        with Ledger.open(controller.results / "ledger.db") as ledger:
            assert {study.device: study.status for study in ledger.studies()} == {"pi5": "finished", "nano": "finished"}
            assert len({a.sha256 for a in ledger.artifacts()}) == 1
            assert all(lease.released for lease in leases.leases(ledger).values())
        code, stdout, _ = ended(controller.run(devices="--devices=pi5,nano"))
        assert code == 0
        head, *rows = stdout.splitlines()
        assert head.split()[:4] == ["device", "model", "latency", "p50"]
        assert [row.split()[0] for row in rows] == ["pi5", "nano"]

    def test_any_takes_the_free_one(self, controller: Controller, tmp_path: Path) -> None:
        hold = controller.start("devices", "lease", "pi5", "--for", "1h", "--purpose", "mine")
        assert ended(hold)[0] == 0
        lab = controller.lab.read_text()
        controller.lab.write_text(lab.partition("[devices.gone]")[0])
        code, _, _ = ended(controller.run("--json", devices="--device=any:desk"))
        assert code == 0
        assert journals(tmp_path / "pi5") == {}
        assert len(journals(tmp_path / "nano")) == 1
        code, _, stderr = ended(controller.run(devices="--device=any:nothing"))
        assert (code, "no device has the tag 'nothing'" in stderr) == (2, True)

    def test_after_ctrl_c_the_devices_are_free_and_the_same_command_collects(
        self, controller: Controller, tmp_path: Path
    ) -> None:
        roots = [tmp_path / "pi5", tmp_path / "nano"]
        first = controller.run(devices="--devices=pi5,nano", seconds=6)
        wait_for(first, lambda: all(measuring(root) for root in roots))
        os.kill(first.pid, signal.SIGINT)
        code, stdout, stderr = ended(first)
        assert (code, stdout) == (130, "")
        assert "the same command goes on from there" in stderr
        assert all(fence(root)["released"] for root in roots)
        with Ledger.open(controller.results / "ledger.db") as ledger:
            assert all(lease.released for lease in leases.leases(ledger).values())
        code, _, stderr = ended(controller.run(devices="--devices=pi5,nano", seconds=6))
        assert code == 0, stderr
        for root in roots:
            (events,) = journals(root).values()
            assert [event["kind"] for event in events].count("accepted") == 1

    def test_ctrl_c_of_a_run_on_one_device_gives_it_back_too(self, controller: Controller, tmp_path: Path) -> None:
        root = tmp_path / "pi5"
        first = controller.run(devices="--device=pi5", seconds=6)
        wait_for(first, lambda: measuring(root))
        os.kill(first.pid, signal.SIGINT)
        assert ended(first)[0] == 130
        assert fence(root)["released"]
        lease = controller.lease_of("pi5")
        assert lease.released

    def test_a_sick_device_is_passed_over_and_let_out_on_somebodys_word(self, controller: Controller) -> None:
        with Ledger.open(controller.results / "ledger.db") as ledger:
            for _ in range(2):
                record_failure(ledger, "gone", "link lost")
        assert ended(controller.run(devices="--device=gone"))[0] == DEVICE
        code, _, stderr = ended(controller.run(devices="--device=gone"))
        assert code == DEVICE
        assert "gone is in quarantine since" in stderr
        assert "earshot devices doctor gone" in stderr
        code, stdout, stderr = ended(controller.run("--mode", "flat-out", devices="--devices=tag:desk"))
        assert code == 0, stderr
        assert "passed over: gone is in quarantine: 3 failures in a row" in stderr
        assert "gone" not in stdout
        log = json.loads(ended(controller.start("devices", "health", "gone", "--json"))[1])
        assert [event["kind"] for event in log["events"]] == ["failure"] * 3 + ["quarantine"]
        out = controller.start("devices", "unquarantine", "gone", "--because", "cable replaced")
        assert ended(out)[1] == "gone is in use again\n"
