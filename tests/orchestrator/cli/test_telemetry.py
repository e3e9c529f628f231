"""``earshot telemetry`` as a person types it, into a real Prometheus."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.main import main
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.cli.command import BAD_INPUT, INTERRUPTED, argv, assert_refused, environment
from tests.orchestrator.workflows.night_ledger import add_night, make_ledger
from tests.prometheus import free_port, prometheus

MONITORING = 11
Telemetry = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = tmp_path / "results"
    make_ledger(made, [2.0] * 3, ["c"] * 3)
    return made


@pytest.fixture
def telemetry(results: Path, capsys: pytest.CaptureFixture[str]) -> Telemetry:
    """The command in this process: what it loads is loaded once."""

    def run(*arguments: str, folder: Path = results) -> subprocess.CompletedProcess[str]:
        words = ["telemetry", *arguments, "--results", str(folder)]
        capsys.readouterr()
        try:
            main(words)
            code = 0
        except SystemExit as exc:
            code = int(exc.code or 0)
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return run


def test_pushed_shown_exported_and_forgotten(tmp_path: Path, telemetry: Telemetry) -> None:
    with prometheus(tmp_path / "prometheus") as server:
        told = telemetry("push", "--url", server.url)
        assert told.returncode == 0, told.stderr
        assert told.stdout == f"120 samples of 12 entries to {server.url} (Prometheus 2.42.0+ds)\n"
        again = telemetry("push", "--url", server.url, "--json")
        assert json.loads(again.stdout)["delivered"]["samples"] == 0
    shown = telemetry("status")
    assert "outbox: 12 entries with 120 samples; 0 sessions not in it yet" in shown.stdout
    assert server.url in shown.stdout
    assert "ok" in shown.stdout
    target = json.loads(telemetry("status", "--json").stdout)["targets"][0]
    assert (target["target"]["sent_samples"], target["waiting"]["samples"]) == (120, 0)
    path = tmp_path / "lab.om"
    exported = telemetry("export", "--openmetrics", str(path))
    assert f"120 samples in {path}" in exported.stdout
    assert "promtool tsdb create-blocks-from openmetrics" in exported.stdout
    assert path.read_text().endswith("# EOF\n")
    assert telemetry("forget", "--url", server.url).returncode == 0
    assert_refused(
        telemetry("forget", "--url", server.url),
        BAD_INPUT,
        "was told anything",
        then="known: none",
    )


def test_a_server_that_is_away(telemetry: Telemetry) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = telemetry("push", "--url", url, "--patience", "0s")
    assert_refused(done, MONITORING, "Connection refused", "120 samples wait in the ledger", then="--watch")


@pytest.mark.parametrize(
    ("arguments", "part", "then"),
    [
        (("--url", "prometheus:9090"), "no address of a server", "http://"),
        (("--url", "http://me:secret@host"), "credentials", "--bearer-from"),
        (("--url", "http://host", "--bearer-from", "secret"), "env:NAME or file:PATH", "--help"),
        (("--url", "http://host", "--bearer-from", "env:NOT_THERE"), "holds no secret", "--help"),
        (("--url", "http://host", "--bearer-from", "file:/not/there"), "cannot read", "--help"),
        (("--url", "http://host", "--every", "often"), "no length of time", "--help"),
    ],
)
def test_slips_of_the_pen(telemetry: Telemetry, arguments: tuple[str, ...], part: str, then: str) -> None:
    done = telemetry("push", *arguments)
    assert_refused(done, BAD_INPUT, part, then=then)
    assert "secret@" not in done.stderr


def test_the_live_page_of_a_lab(tmp_path: Path, results: Path) -> None:
    command = argv("telemetry", "serve", "--listen", "127.0.0.1:0", "--results", str(results))
    with subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            url = server.stderr.readline().strip()
            with urllib.request.urlopen(url, timeout=60) as answer:
                page = answer.read().decode()
        finally:
            server.terminate()
    assert 'earshot_devices{state="free"} 1.0' in page
    assert 'earshot_device_info{device="local",device_model="",profile=""} 1.0' in page
    assert "earshot_outbox_untold_sessions 12.0" in page


@pytest.mark.parametrize("listen", ["9633", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "somewhere:80"])
def test_an_address_to_listen_on_must_be_one(telemetry: Telemetry, listen: str) -> None:
    done = telemetry("serve", "--listen", listen)
    assert_refused(done, BAD_INPUT, "--listen", then="--help")


def test_an_address_that_is_taken(tmp_path: Path, telemetry: Telemetry) -> None:
    with prometheus(tmp_path / "prometheus") as server:
        taken = server.url.removeprefix("http://")
        done = telemetry("serve", "--listen", taken)
    assert_refused(done, BAD_INPUT, "cannot listen", then="--listen")


def test_there_must_be_a_ledger_and_a_folder(tmp_path: Path, telemetry: Telemetry) -> None:
    nowhere = telemetry("push", "--url", "http://host", folder=tmp_path / "nowhere")
    assert "there is no ledger" in nowhere.stderr
    done = telemetry("export", "--openmetrics", str(tmp_path / "no" / "x.om"))
    assert_refused(done, BAD_INPUT, "no folder", then="make it")


def test_watching_goes_on_through_an_outage(tmp_path: Path, results: Path) -> None:
    with prometheus(tmp_path / "prometheus") as server:
        words = ("telemetry", "push", "--url", server.url, "--watch", "--every", "1s", "--results", str(results))
        alone = {**environment(tmp_path), "PYTHONUNBUFFERED": "1"}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(argv(*words), env=alone, **pipes) as watching:
            try:
                assert "120 samples of 12 entries" in watching.stdout.readline()
                server.stop()
                with Ledger.open(results / "ledger.db") as ledger:
                    add_night(ledger, 9, [2.0], ["c"])
                assert "refused; " in watching.stderr.readline()
                server.start()
                assert "40 samples of 4 entries" in watching.stdout.readline()
            finally:
                watching.send_signal(signal.SIGINT)
                assert watching.wait() == INTERRUPTED
