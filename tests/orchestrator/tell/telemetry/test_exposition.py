"""The page that Prometheus scrapes: by its own tools, in both of its formats, and with a ledger that cannot be read."""

import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from orchestrator.errors import EarshotError, LedgerError
from orchestrator.tell.telemetry.exposition import MetricsServer, Samples
from orchestrator.tell.telemetry.told import Sample
from tests.hosts import require_program
from tests.prometheus import prometheus

SAMPLES = [
    Sample("earshot_build_info", 1.0, (("version", "0.1.0"),)),
    Sample("earshot_devices", 3.0, (("state", "free"),)),
    Sample("earshot_devices", 1.0, (("state", "held"),)),
    Sample("earshot_device_up", 1.0, (("device", 'a "desk"\\'),)),
    Sample("earshot_outbox_sent_samples_total", 480.0, (("target", "http://p:9090"),)),
]


@contextmanager
def serving(samples: Samples) -> Iterator[tuple[str, list[EarshotError]]]:
    failures: list[EarshotError] = []
    with MetricsServer("127.0.0.1", 0, samples, failures.append) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", failures
        finally:
            server.shutdown()
            thread.join()


def get(url: str, accept: str = "") -> str:
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def test_the_page_is_as_prometheus_wants_it() -> None:
    with serving(lambda: SAMPLES) as (url, failures):
        page = get(f"{url}/metrics")
    argv = [require_program("promtool"), "check", "metrics"]
    done = subprocess.run(argv, input=page, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert 'earshot_devices{state="free"} 3.0' in page
    assert 'earshot_device_up{device="a \\"desk\\"\\\\"} 1.0' in page
    assert not failures


def test_who_asks_for_openmetrics_gets_it() -> None:
    with serving(lambda: SAMPLES) as (url, _):
        page = get(f"{url}/metrics", "application/openmetrics-text; version=1.0.0")
    found = {family.name: family for family in text_string_to_metric_families(page)}
    assert found["earshot_outbox_sent_samples"].type == "counter"
    assert [sample.value for sample in found["earshot_devices"].samples] == [3.0, 1.0]


def test_every_scrape_asks_anew() -> None:
    asked: list[int] = []

    def samples() -> Iterable[Sample]:
        asked.append(1)
        return [Sample("earshot_sessions_running", float(len(asked)))]

    with serving(samples) as (url, _):
        before = len(asked)
        assert f"earshot_sessions_running {before + 1}.0" in get(f"{url}/metrics")
        assert f"earshot_sessions_running {before + 2}.0" in get(f"{url}/metrics")


def test_without_an_answer_the_scrape_fails_and_somebody_is_told() -> None:
    def locked() -> Iterable[Sample]:
        raise LedgerError("the ledger is locked")

    with serving(locked) as (url, failures), pytest.raises(urllib.error.HTTPError, match="503") as caught:
        get(f"{url}/metrics")
    with caught.value as answer:
        assert answer.read() == b"the ledger is locked\n"
    assert [failure.message for failure in failures] == ["the ledger is locked"]


def test_there_is_nothing_else() -> None:
    with serving(lambda: SAMPLES) as (url, _), pytest.raises(urllib.error.HTTPError, match="404") as caught:
        get(f"{url}/ledger.db")
    caught.value.close()


def test_what_is_written_with_its_time_is_not_served() -> None:
    with serving(lambda: [Sample("earshot_night_late", 1.0, (("plan", "p"),))]) as (url, _), pytest.raises(OSError):
        get(f"{url}/metrics")


def test_a_prometheus_scrapes_it(tmp_path: Path) -> None:
    with serving(lambda: SAMPLES) as (url, _):
        target = url.removeprefix("http://")
        with prometheus(tmp_path / "prometheus", scrape=[target]) as server:
            until = time.monotonic() + 60
            while not (found := server.query("earshot_devices")) and time.monotonic() < until:
                time.sleep(0.1)
            assert {each["metric"]["state"]: each["value"][1] for each in found} == {"free": "3", "held": "1"}
            assert found[0]["metric"]["job"] == "earshot"
