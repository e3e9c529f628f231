"""Answers of servers that are busy, refuse us, hang or lie, in our words. A scripted server stands in for them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orchestrator.errors import BadInput, MonitoringError
from orchestrator.tell.telemetry.abilities import abilities, duration_ms
from orchestrator.tell.telemetry.server import Away, Server, server_url
from orchestrator.tell.telemetry.writer import NeverTaken, TooLarge, Writer
from tests.prometheus import free_port

Answers = Callable[[str], tuple[int, dict[str, str], str]]


@contextmanager
def scripted(answers: Answers) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its address, and the headers of every request."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append(dict(self.headers))
            status, headers, text = answers(self.path)
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def write(status: int, text: str = "", path: str = "", **headers: str) -> None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with scripted(lambda path: (status, names, text)) as (url, _), Server(url + path) as server:
        Writer(server, url + path).write(b"")


def test_what_is_taken_is_taken() -> None:
    write(200)
    write(204)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    with pytest.raises(Away, match=str(status)) as caught:
        write(status, "try later", Retry_After="7")
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (500, "too old sample", "too-old"),
        (400, "out of bounds", "too-old"),
        (400, "out of order sample", "out-of-order"),
        (400, "duplicate sample for timestamp", "duplicate"),
        (500, "native histograms are disabled", "histogram"),
        (400, "what is this", "refused"),
    ],
)
def test_what_will_never_be_taken_is_not_tried_again(status: int, text: str, reason: str) -> None:
    with pytest.raises(NeverTaken, match=text) as caught:
        write(status, text)
    assert caught.value.reason == reason


def test_a_large_request_can_be_halved() -> None:
    with pytest.raises(TooLarge):
        write(413)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_token_is_told_with_what_to_do(status: int) -> None:
    with pytest.raises(MonitoringError, match="refuses us") as caught:
        write(status)
    assert "--bearer-from" in str(caught.value.hint)
    assert not caught.value.passing


@pytest.mark.parametrize(("status", "word"), [(404, "nothing takes"), (302, "does not take")])
def test_another_service_is_none_for_writing(status: int, word: str) -> None:
    with pytest.raises(MonitoringError, match=word):
        write(status, Location="http://elsewhere")


def test_the_token_goes_with_every_request_and_the_endpoint_may_be_another() -> None:
    paths: list[str] = []

    def answers(path: str) -> tuple[int, dict[str, str], str]:
        paths.append(path)
        return 204, {}, ""

    with scripted(answers) as (url, seen):
        for place in ("", "/", "/prometheus", "/api/v1/push"):
            with Server(url + place, bearer="secret") as server:
                Writer(server, url + place).write(b"")
    assert paths == ["/api/v1/write", "/api/v1/write", "/prometheus/api/v1/write", "/api/v1/push"]
    assert {headers["Authorization"] for headers in seen} == {"Bearer secret"}


def test_nobody_there_is_away() -> None:
    with Server(f"http://127.0.0.1:{free_port()}") as server, pytest.raises(Away, match="refused"):
        server.get("/")


def test_a_connection_that_the_server_ended_is_made_anew() -> None:
    with scripted(lambda path: (200, {"Connection": "close"}, "once")) as (url, seen), Server(url) as server:
        assert [server.get("/").text for _ in range(3)] == ["once"] * 3
    assert len(seen) == 3


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host", "http://", "http://host:port", "http://host:0", ""])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(BadInput, match="no address"):
        server_url(url)


def test_credentials_have_no_place_in_an_address() -> None:
    with pytest.raises(BadInput, match="credentials") as caught:
        server_url("https://me:secret@host")
    assert "secret" not in f"{caught.value}{caught.value.hint}"


def prometheus_api(version: str, features: str, window: str, newest_ms: int) -> Answers:
    data: dict[str, Any] = {
        "/api/v1/status/buildinfo": {"version": version},
        "/api/v1/status/flags": {"enable-feature": features},
        "/api/v1/status/config": {"yaml": f"storage:\n  tsdb:\n    out_of_order_time_window: {window}\n"},
        "/api/v1/status/tsdb": {"headStats": {"maxTime": newest_ms}},
    }
    return lambda path: (200, {}, json.dumps({"status": "success", "data": data.get(path, {})}))


@pytest.mark.parametrize(
    ("version", "features", "histograms"),
    [
        ("2.42.0", "exemplar-storage,native-histograms", True),
        ("2.33.1", "exemplar-storage", False),
        ("3.7.0", "", False),
        ("3.8.0", "", True),
        ("3.10.0", "", True),
    ],
)
def test_native_histograms_go_where_they_are_taken(version: str, features: str, histograms: bool) -> None:
    with scripted(prometheus_api(version, features, "30d", 5_000_000_000)) as (url, _), Server(url) as server:
        found = abilities(server)
    assert (found.product, found.histograms) == (f"Prometheus {version}", histograms)
    assert found.oldest_ms == 5_000_000_000 - 30 * 86_400_000


def test_a_clock_ahead_of_the_servers_is_found_and_told() -> None:
    api = prometheus_api("2.42.0", "", "0s", -(2**63))

    def slow_clock(path: str) -> tuple[int, dict[str, str], str]:
        status, _, text = api(path)
        return status, {"Date": formatdate(1_700_000_000, usegmt=True)}, text

    with scripted(slow_clock) as (url, _), Server(url) as server:
        found = abilities(server)
    assert abs(found.now_ms() - 1_700_000_000_000) < 120_000
    assert "ahead of the server's" in found.notes[0]
    assert found.oldest_ms is None, "an empty server takes samples of any age"


def test_a_server_that_tells_nothing_is_sent_what_any_takes() -> None:
    with scripted(lambda path: (404, {}, "no")) as (url, _), Server(url) as server:
        found = abilities(server)
    assert (found.product, found.oldest_ms, found.histograms) == ("unknown server", None, False)
    with scripted(lambda path: (200, {}, "[1]")) as (url, _), Server(url) as server:
        assert abilities(server).product == "unknown server"


@pytest.mark.parametrize(("text", "ms"), [("30d", 2_592_000_000), ("1h30m", 5_400_000), ("500ms", 500), ("0s", 0)])
def test_lengths_of_time_as_prometheus_writes_them(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


def test_the_whole_address_of_prometheus_is_as_good_as_its_beginning() -> None:
    api = prometheus_api("2.42.0", "", "30d", 5_000_000_000)
    with scripted(api) as (url, _):
        for place in ("", "/api/v1/write", "/api/v1/write/"):
            with Server(url + place) as server:
                assert abilities(server).product == "Prometheus 2.42.0"
