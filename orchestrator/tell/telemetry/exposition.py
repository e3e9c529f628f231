"""The live state of the farm as a page that Prometheus scrapes, by prometheus_client."""

import socket
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from orchestrator.errors import EarshotError
from orchestrator.tell.telemetry.names import COUNTER, LIVE, METRICS
from orchestrator.tell.telemetry.told import Sample

Samples = Callable[[], Iterable[Sample]]
_Family = GaugeMetricFamily | CounterMetricFamily


class _Farm(Collector):
    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        families: dict[str, _Family] = {}
        for sample in self._samples():
            family = families.setdefault(sample.name, _family(sample.name))
            labels = dict(sample.labels)
            family.add_metric([labels[name] for name in METRICS[sample.name].labels], sample.value)
        yield from families.values()


def _family(name: str) -> _Family:
    metric = METRICS[name]
    if metric.source != LIVE:
        raise ValueError(f"{name} is written with its time, and not scraped")
    if metric.kind == COUNTER:
        return CounterMetricFamily(name, metric.help, labels=metric.labels)
    return GaugeMetricFamily(name, metric.help, labels=metric.labels)


class MetricsServer(ThreadingHTTPServer):
    """``GET /metrics`` asks ``samples`` anew. ``failed`` is told why a scrape got none (the ledger is locked)."""

    daemon_threads = True

    def __init__(self, host: str, port: int, samples: Samples, failed: Callable[[EarshotError], None]) -> None:
        """Raises OSError where nothing can listen there."""
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Farm(samples))
        self.failed = failed
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"the metrics are at /metrics\n")
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        try:
            body = encode(self.server.registry)
        except EarshotError as exc:
            self.server.failed(exc)
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", f"{exc}\n".encode())
            return
        self._answer(HTTPStatus.OK, content_type, body)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is no news."""
