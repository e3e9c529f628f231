"""Debian's own Prometheus, Alertmanager and VictoriaMetrics on 127.0.0.1, each with a data folder of the test."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hosts import require_program

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0
FEATURES = ("exemplar-storage", "native-histograms")


@dataclass
class Server:
    """A server that can be stopped and started again with what it had."""

    argv: list[str]
    url: str
    ready_path: str
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Until it answers. Fails with the end of its log where it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_TIMEOUT_S
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{self.argv[0]} did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url + self.ready_path, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def get(self, path: str, **parameters: str | Sequence[str]) -> Any:
        """The ``data`` of an answer of the HTTP API. Fails with the server's words on an error."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as exc:
            with exc:
                raise AssertionError(f"{path}?{query}: {exc.code} {exc.read().decode(errors='replace')}") from exc

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """Instant query: the result vector, each ``{"metric": {...}, "value": [t, "v"]}``."""
        found = self.get("/api/v1/query", query=expression, **({} if at_s is None else {"time": f"{at_s:.3f}"}))
        return list(found["result"])

    def query_range(self, expression: str, from_s: float, to_s: float, step_s: float) -> list[dict[str, Any]]:
        """Range query: the result matrix, each ``{"metric": {...}, "values": [[t, "v"], ...]}``."""
        span = {"start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:.3f}"}
        return list(self.get("/api/v1/query_range", query=expression, **span)["result"])


@dataclass
class Prometheus(Server):
    folder: Path = field(default=Path())

    @property
    def data(self) -> Path:
        return self.folder / "data"


class VictoriaMetrics(Server):
    def kept(self, selector: str) -> list[dict[str, Any]]:
        """Every series, each ``{"metric": {...}, "values": [...], "timestamps": [ms, ...]}``, as it is on its disk."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=60):
            pass
        # Without an end it leaves out the second that has just begun.
        query = urllib.parse.urlencode({"match[]": selector, "start": 0, "end": time.time() + 1})
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{query}", timeout=60) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]


@contextlib.contextmanager
def prometheus(
    folder: Path,
    rules: Sequence[Path] = (),
    alertmanager: str | None = None,
    out_of_order: str | None = "30d",
    features: Sequence[str] = FEATURES,
    scrape: Sequence[str] = (),
    intervals: str = "1s",
    more: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """One that takes remote writes. ``alertmanager`` and ``scrape``: host:port. ``out_of_order`` None: as by default,
    samples must come in order. ``intervals``: of scrapes and of rules.
    """
    program = require_program("prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "prometheus.yml"
    # JSON is YAML.
    config.write_text(json.dumps(_config(rules, alertmanager, out_of_order, scrape, intervals)))
    argv = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=400d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-lifecycle",
        *([f"--enable-feature={','.join(features)}"] if features else []),
        *more,
    ]
    server = Prometheus(argv, f"http://127.0.0.1:{port}", "/-/ready", folder / "prometheus.log", folder=folder)
    with _running(server):
        yield server


def _config(
    rules: Sequence[Path], alertmanager: str | None, out_of_order: str | None, scrape: Sequence[str], intervals: str
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "global": {"scrape_interval": intervals, "evaluation_interval": intervals},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "earshot", "static_configs": [{"targets": list(scrape)}]}] if scrape else [],
        "storage": {"exemplars": {"max_exemplars": 10000}},
    }
    if out_of_order is not None:
        config["storage"]["tsdb"] = {"out_of_order_time_window": out_of_order}
    if alertmanager is not None:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return config


@contextlib.contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[Server]:
    """``config``: an alertmanager.yml. It tells nobody but who is in that."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    argv = [
        require_program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # Without this it opens a port for its peers.
        "--cluster.listen-address=",
    ]
    with _running(Server(argv, f"http://127.0.0.1:{port}", "/-/ready", folder / "alertmanager.log")) as server:
        yield server


@contextlib.contextmanager
def victoria_metrics(folder: Path) -> Iterator[VictoriaMetrics]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    argv = [
        require_program("victoria-metrics"),
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=400d",
        # An answer counts what was written the moment before.
        "-search.latencyOffset=0s",
        "-memory.allowedBytes=256MB",
    ]
    with _running(VictoriaMetrics(argv, f"http://127.0.0.1:{port}", "/health", folder / "victoria.log")) as server:
        yield server


@contextlib.contextmanager
def _running(server: Any) -> Iterator[Any]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
