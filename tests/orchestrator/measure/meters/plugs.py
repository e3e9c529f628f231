"""Stand-in plugs: a real HTTP server on loopback that speaks the makers' documented JSON."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class StandInPlug:
    """``answers`` by path: (status, JSON or raw text). Paths that were asked are kept in ``asked``."""

    port: int = 0
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def plug(answers: dict[str, Any], port: int = 0) -> Iterator[StandInPlug]:
    """A plug that answers 200 with each value; ``port`` 0: a free one."""
    state = StandInPlug(answers={path: (200, value) for path, value in answers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            status, value = state.answers.get(self.path, (404, "Not Found"))
            body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# https://shelly-api-docs.shelly.cloud/gen1/#shelly-plug-plugs: GET /shelly and /meter/0.
GEN1 = {
    "/shelly": {"type": "SHPLG-S", "mac": "5ECF7F1632E8", "auth": False, "fw": "20161223-111304/master@2bc16496"},
    "/meter/0": {
        "power": 6.5,
        "is_valid": True,
        "timestamp": 1_700_000_000,
        "counters": [6.5, 6.4, 6.6],
        "total": 1200,
    },
}
# https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch#status.
GEN2 = {
    "/shelly": {
        "name": None,
        "id": "shellyplusplugs-a8032ab1fe78",
        "model": "SNPL-00112EU",
        "gen": 2,
        "auth_en": False,
    },
    "/rpc/Switch.GetStatus?id=0": {
        "id": 0,
        "source": "init",
        "output": True,
        "apower": 8.25,
        "voltage": 230.5,
        "current": 0.062,
        "aenergy": {"total": 12.5, "by_minute": [137.5, 138.0, 137.9], "minute_ts": 1_700_000_000},
        "temperature": {"tC": 41.2, "tF": 106.2},
    },
}
# https://tasmota.github.io/docs/Commands/#management, Status 8; Power in W, Total in kWh.
TASMOTA = {
    "/cm?cmnd=Status%208": {
        "StatusSNS": {
            "Time": "2026-01-01T00:00:00",
            "ENERGY": {
                "TotalStartTime": "2025-01-01T00:00:00",
                "Total": 1.25,
                "Yesterday": 0.1,
                "Today": 0.05,
                "Power": 9,
                "ApparentPower": 15,
                "ReactivePower": 12,
                "Factor": 0.6,
                "Voltage": 231,
                "Current": 0.065,
            },
        }
    }
}
