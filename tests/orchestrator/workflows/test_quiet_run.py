"""A run on a stand-in board: quieted for its time, and cool before each session; both are in the ledger."""

import json
import threading
import time
from pathlib import Path

from agents import cooling
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.cool_down import Cooler
from orchestrator.measure.lab.device import CoolDown
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.candidates import candidates_for
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.run_work import prepared_work
from orchestrator.workflows.session_runner import Material, SessionRunner
from tests.benches import Bench, bench, make_bench
from tests.orchestrator.cli.command import earshot

__all__ = ["bench", "make_bench"]
ZONE = "cpu-thermal"


def test_quiet_for_the_time_of_a_run(bench: Bench, results: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text([bench.device]))
    asked = ["run", "mini", "--device", "pi5", "--lab", str(lab), "--results", str(results)]
    done = earshot(*asked, "--mode", "flat-out", "--seconds", "1", "--quiet-device", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pi5: echo performance | sudo tee" in done.stderr
    assert "pi5: as it was before" in done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["before"]["governor"] == result["after"]["governor"] == "performance"
    assert result["cooled"]["outcome"] == cooling.REACHED, "it was as cool as when it was probed"
    assert bench.says() == "ondemand"
    assert not bench.journal.exists()


def test_a_session_begins_when_the_device_has_cooled_down_after_the_last_one(bench: Bench, results: Path) -> None:
    settings = RunSettings("mini", Recipe.parse("onnx:fp32"), mode="flat-out", results=results)
    with prepared_work(settings, Silent()) as work:
        agent, environment = deploy_agent(bench.device, Silent())
        with agent.transport:
            push_blobs(agent, [*files_of(work.artifact), work.audio])
            study = Study("s-1", "mini", "pi5", "2026-01-01T00:00:00+00:00", {})
            work.ledger.begin_study(study)
            work.ledger.record_artifact(work.artifact)
            runner = SessionRunner(
                work.ledger,
                study,
                agent,
                environment,
                {"test": Material(work.audio[1], work.audio[1], ())},
                {work.artifact.sha256: work.artifact},
                Silent(),
                cooler=Cooler(agent, CoolDown(at_most_s=120.0), {ZONE: 46.3}, print, {ZONE: 46.3}),
            )
            candidate = candidates_for([work.artifact], environment.probe, threads=[1])[0]
            first, second = (runner.plan(candidate, "flat-out", seconds=1.0, block=block) for block in (0, 1))
            bench.heats(71.0)
            runner.run(first)
            thread = threading.Thread(target=_cool, args=(bench,))
            thread.start()
            runner.run(second)
            thread.join()
            placement = runner.run(runner.plan(candidate, "placement"))
    with Ledger.open(results / "ledger.db") as ledger:
        kept = [ledger.session(planned.session_id) for planned in (first, second)]
    waits = [session.result.cooled for session in kept if session is not None]
    assert [wait.outcome for wait in waits if wait] == [cooling.REACHED] * 2
    assert waits[0] is not None
    assert waits[0].waited_s == 0.0
    assert waits[1] is not None
    assert waits[1].before_c[ZONE] > 49.3 >= waits[1].after_c[ZONE]
    assert kept[1] is not None
    assert kept[1].result.before is not None
    assert kept[1].result.before.temperature_c[ZONE] <= 49.3
    assert placement.result.cooled is None, "what is not timed does not wait"


def _cool(bench: Bench) -> None:
    give_up_s = time.monotonic() + 60
    while not any(" cool " in line for line in bench.standin.host.processes().values()):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    for celsius in range(70, 45, -1):
        bench.heats(celsius)
        time.sleep(0.2)
