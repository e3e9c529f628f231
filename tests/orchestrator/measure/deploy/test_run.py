"""Sessions on real devices, through cut links, killed watchers and killed controllers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents import strict_json, wire
from agents.device_facts import DeviceProbe
from orchestrator.errors import CommandFailed, SessionFailed, Unreachable
from orchestrator.measure.deploy import run
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import AgentArchive, build_agent_archive
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.transports.base import Transport
from orchestrator.measure.transports.local import LocalTransport
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import MakeHost, SshHost, lab_text
from tests.orchestrator.measure.sessions import CHUNK, Files, echo_spec, ready

MakeAgent = Callable[[Transport], DeployedAgent]


@pytest.fixture
def make_agent(archive: AgentArchive, probe: DeviceProbe, files: Files, tmp_path: Path) -> MakeAgent:
    return lambda transport: ready(transport, archive, tmp_path / "root", files, probe)


class Seen:
    """Events as they came, and an action at the first one of a kind."""

    def __init__(self, kind: str = "", action: Callable[[], object] = lambda: None) -> None:
        self.events: list[wire.Event] = []
        self._kind, self._action = kind, action

    def __call__(self, event: wire.Event) -> None:
        self.events.append(event)
        if event.kind == self._kind:
            self._kind = ""
            self._action()

    @property
    def kinds(self) -> list[str]:
        """Without the progress, of which there may be any number."""
        return [e.kind for e in self.events if e.kind != "progress"]


def _complete(seen: Seen, result: wire.RunResult, arrays: run.Arrays) -> None:
    assert (result.outcome, result.chunk_count) == ("ok", 200), result.reason
    assert seen.kinds == ["accepted", "loaded", "finished"]
    times = [e.t_ns for e in seen.events]
    assert times == sorted(set(times)), "an event came twice or out of order"
    assert arrays["t_ns"].shape == (200, len(wire.TIME_COLUMNS))
    assert (np.diff(arrays["t_ns"][:, wire.ARRIVAL]) == CHUNK * 1_000_000_000 // 16000).all()


def test_a_session_from_start_to_arrays(
    transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    seen = Seen()
    result, arrays = run_session(make_agent(transport), echo_spec(files), on_event=seen, arrays_dir=tmp_path / "arrays")
    _complete(seen, result, arrays)
    assert any(e.kind == "progress" for e in seen.events)
    assert [p.name for p in (tmp_path / "arrays").iterdir()] == ["s-1.npz"]


def test_local_and_ssh_give_results_of_the_same_structure(
    ssh_host: SshHost, archive: AgentArchive, probe: DeviceProbe, files: Files, tmp_path: Path
) -> None:
    structures = []
    with LocalTransport() as local, SshTransport("device", ssh_host.target) as ssh:
        for transport in (local, ssh):
            agent = ready(transport, archive, tmp_path / transport.kind, files, probe)
            spec = echo_spec(files, mode="flat-out")
            result, arrays = run_session(agent, spec, on_event=Seen(), arrays_dir=tmp_path / "arrays" / transport.kind)
            present = {name: type(value) for name, value in vars(result).items()}
            shapes = {name: (a.dtype, a.shape[1:]) for name, a in arrays.items()}
            structures.append((present, shapes, result.outcome, len(arrays["t_ns"])))
    assert structures[0] == structures[1]


def test_a_finished_session_is_collected_and_not_measured_again(
    transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    agent, spec = make_agent(transport), echo_spec(files, chunk_count=20)
    _, first = run_session(agent, spec, on_event=Seen(), arrays_dir=tmp_path / "first")
    seen = Seen()
    _, second = run_session(agent, spec, on_event=seen, arrays_dir=tmp_path / "second")
    assert seen.kinds == ["accepted", "loaded", "finished"]
    assert {name: a.tobytes() for name, a in first.items()} == {name: a.tobytes() for name, a in second.items()}


def test_a_failed_session_is_a_result(
    transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    spec = echo_spec(files, provider="NoSuchProvider")
    seen = Seen()
    result, arrays = run_session(make_agent(transport), spec, on_event=seen, arrays_dir=tmp_path / "arrays")
    assert (result.outcome, result.failure) == ("failed", "provider-missing")
    assert "NoSuchProvider" in str(result.reason)
    assert arrays == {}
    assert seen.kinds[-1] == "failed"


def test_a_blob_altered_on_the_device_fails_the_session(make_agent: MakeAgent, files: Files, tmp_path: Path) -> None:
    agent = make_agent(LocalTransport())
    blob = tmp_path / "root" / "blobs" / files[0][1].file_name
    blob.write_bytes(b"no grapH")
    result, _ = run_session(agent, echo_spec(files), on_event=Seen(), arrays_dir=tmp_path)
    assert result.outcome == "failed"
    assert "altered" in str(result.reason)


def test_another_spec_under_the_same_id_is_refused(
    transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    agent = make_agent(transport)
    run_session(agent, echo_spec(files, chunk_count=5), on_event=Seen(), arrays_dir=tmp_path)
    with pytest.raises(CommandFailed, match="chunk_count differ"):
        run_session(agent, echo_spec(files, chunk_count=6), on_event=Seen(), arrays_dir=tmp_path)


def test_an_archive_altered_on_the_device_does_not_run(
    transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    agent = make_agent(transport)
    with zipfile.ZipFile(agent.archive_path, "a") as archive:
        # It would win over the standard library's, were the archive asked for anything before it is proven.
        archive.writestr("hashlib.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(CommandFailed, match="was altered on the device") as caught:
        run_session(agent, echo_spec(files), on_event=Seen(), arrays_dir=tmp_path)
    assert "put there anew" in str(caught.value.hint)
    assert not (tmp_path / "ran").exists()
    Path(agent.archive_path).unlink()
    with pytest.raises(CommandFailed, match="No such file"):
        run_session(agent, echo_spec(files), on_event=Seen(), arrays_dir=tmp_path)


def test_arrays_altered_on_the_device_are_refused(make_agent: MakeAgent, files: Files, tmp_path: Path) -> None:
    agent, spec = make_agent(LocalTransport()), echo_spec(files, chunk_count=5)
    run_session(agent, spec, on_event=Seen(), arrays_dir=tmp_path / "first")
    (tmp_path / "root" / "sessions" / "s-1" / "arrays.npz").write_bytes(b"other")
    with pytest.raises(SessionFailed, match="not what the session wrote"):
        run_session(agent, spec, on_event=Seen(), arrays_dir=tmp_path / "second")
    assert list((tmp_path / "second").iterdir()) == []


class TestLostLink:
    def test_cut_in_the_middle(
        self, make_ssh_host: MakeHost, make_agent: MakeAgent, files: Files, tmp_path: Path
    ) -> None:
        host = make_ssh_host()
        with SshTransport("device", host.target) as transport:
            seen = Seen("progress", host.cut)
            result, arrays = run_session(make_agent(transport), echo_spec(files), on_event=seen, arrays_dir=tmp_path)
        _complete(seen, result, arrays)
        assert host.logins() == 2

    def test_cut_again_and_again(
        self, make_ssh_host: MakeHost, make_agent: MakeAgent, files: Files, tmp_path: Path
    ) -> None:
        host = make_ssh_host()
        seen = Seen()

        def on_event(event: wire.Event) -> None:
            seen(event)
            host.cut()

        with SshTransport("device", host.target) as transport:
            result, arrays = run_session(
                make_agent(transport), echo_spec(files), on_event=on_event, arrays_dir=tmp_path
            )
        _complete(seen, result, arrays)

    def test_device_away_for_a_while(
        self, make_ssh_host: MakeHost, make_agent: MakeAgent, files: Files, tmp_path: Path
    ) -> None:
        host = make_ssh_host()
        back = threading.Timer(1.0, host.start_again)

        def away() -> None:
            host.stop()
            back.start()

        with SshTransport("device", host.target) as transport:
            seen = Seen("loaded", away)
            result, arrays = run_session(make_agent(transport), echo_spec(files), on_event=seen, arrays_dir=tmp_path)
        back.join()
        _complete(seen, result, arrays)

    def test_device_away_for_good_and_collected_later(
        self, make_ssh_host: MakeHost, make_agent: MakeAgent, files: Files, tmp_path: Path
    ) -> None:
        host = make_ssh_host()
        with SshTransport("device", host.target) as transport:
            agent = make_agent(transport)
            with pytest.raises(Unreachable, match=r"did not come back within 0.3 s") as caught:
                run_session(
                    agent,
                    echo_spec(files),
                    on_event=Seen("loaded", host.stop),
                    arrays_dir=tmp_path,
                    link_patience_s=0.3,
                )
            assert "s-1 goes on there" in str(caught.value.hint)
            host.start_again()
            transport.reconnect()
            seen = Seen()
            result, arrays = run_session(agent, echo_spec(files), on_event=seen, arrays_dir=tmp_path)
        _complete(seen, result, arrays)

    def test_only_the_watcher_on_the_device_is_killed(
        self, transport: Transport, make_agent: MakeAgent, files: Files, tmp_path: Path
    ) -> None:
        agent = make_agent(transport)

        def kill_watcher() -> None:
            # The first is the watcher; watchdog, session and sampler were forked from it.
            os.kill(_pids_of(f"run\0--root\0{agent.root}")[0], signal.SIGKILL)

        seen = Seen("progress", kill_watcher)
        result, arrays = run_session(agent, echo_spec(files), on_event=seen, arrays_dir=tmp_path)
        _complete(seen, result, arrays)


def _pids_of(arguments: str) -> list[int]:
    """Processes with these arguments, oldest first."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and arguments in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    return sorted(found)


CONTROLLER = """
import json, sys
from pathlib import Path
from agents import strict_json, wire
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import deploy
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.lab.inventory import find_device, load_lab, open_transport

folder = Path(sys.argv[1])
device = find_device(load_lab(folder / "lab.toml"), "device")
spec = strict_json.from_json(wire.RunSpec, json.load(sys.stdin))
with open_transport(device) as transport:
    agent = deploy(transport, build_agent_archive(folder), device.root, python=device.python)
    run_session(agent, spec, on_event=lambda event: print(event.kind, flush=True), arrays_dir=folder / "arrays")
"""


def test_a_killed_controllers_session_is_collected_by_the_next_one(
    ssh_host: SshHost, make_agent: MakeAgent, files: Files, tmp_path: Path
) -> None:
    spec = echo_spec(files)
    (tmp_path / "lab.toml").write_text(lab_text(ssh_host, root=tmp_path / "root"))
    with SshTransport("device", ssh_host.target) as transport:
        agent = make_agent(transport)
        _start_and_kill_controller(tmp_path, spec)
        session = tmp_path / "root" / "sessions" / "s-1"
        assert not (session / "arrays.npz").exists(), "the session was over before its controller was killed"
        seen = Seen()
        result, arrays = run_session(agent, spec, on_event=seen, arrays_dir=tmp_path / "arrays")
    _complete(seen, result, arrays)


def _start_and_kill_controller(folder: Path, spec: wire.RunSpec) -> None:
    """Another process starts the session and is killed as soon as chunks flow."""
    argv = [sys.executable, "-c", CONTROLLER, str(folder)]
    environment = {**os.environ, "HOME": str(folder)}
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as controller:
        assert controller.stdin is not None
        assert controller.stdout is not None
        json.dump(strict_json.to_json(spec), controller.stdin)
        controller.stdin.close()
        while "progress" not in (line := controller.stdout.readline()):
            assert line, "the controller ended by itself"
        controller.kill()


class TestAgentGoneWrong:
    """Agents that break the wire, each a real archive that really runs."""

    def _agent(self, make_agent: MakeAgent, tmp_path: Path, main: str) -> DeployedAgent:
        source = tmp_path / "wrong"
        source.mkdir()
        (source / "__init__.py").write_text("")
        (source / "__main__.py").write_text(f"import sys, time\n\ndef main():\n    {main}\n")
        wrong = build_agent_archive(tmp_path, source)
        return replace(make_agent(LocalTransport()), archive_path=str(wrong.path), archive_sha256=wrong.sha256)

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("Segmentation fault", "no event"),
            ("{}", "lacks"),
            ('{"kind": "finished", "t_ns": 1, "data": {}}', "no event"),
            (
                '{"kind": "finished", "t_ns": 1, "data": {"result": '
                '{"session_id": "s-2", "outcome": "ok", "chunk_count": 1}}}',
                "that of session s-2",
            ),
        ],
    )
    def test_garbage(self, make_agent: MakeAgent, files: Files, tmp_path: Path, written: str, said: str) -> None:
        agent = self._agent(make_agent, tmp_path, f"print({written!r}, flush=True); time.sleep(60)")
        with pytest.raises(SessionFailed, match=said) as caught:
            run_session(agent, echo_spec(files), on_event=Seen(), arrays_dir=tmp_path)
        assert written in str(caught.value)
        assert str(tmp_path / "root" / "sessions" / "s-1") in str(caught.value.hint)

    def test_no_result(self, make_agent: MakeAgent, files: Files, tmp_path: Path) -> None:
        agent = self._agent(make_agent, tmp_path, "sys.exit('gone')")
        with pytest.raises(SessionFailed, match="no result after 5 watchers, the last one wrote: gone"):
            run_session(agent, echo_spec(files), on_event=Seen(), arrays_dir=tmp_path)

    def test_no_answer(
        self, make_agent: MakeAgent, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "MARGIN_S", 0.2)
        agent = self._agent(make_agent, tmp_path, "time.sleep(60)")
        with pytest.raises(SessionFailed, match=r"no result within 0.3 s"):
            run_session(agent, echo_spec(files, timeout_s=0.1), on_event=Seen(), arrays_dir=tmp_path)
