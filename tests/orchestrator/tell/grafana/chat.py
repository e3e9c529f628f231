"""A chat on 127.0.0.1 that takes incoming webhooks in Slack's form (api.slack.com/messaging/webhooks), for tests."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 60.0


class Chat:
    """``messages``: the attachments of each, as they came."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.url = ""

    def wait(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message of that kind. Fails with all that came where none does."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for message in list(self.messages):
                if what(message):
                    return message
            time.sleep(0.05)
        raise AssertionError(f"no such message among {[message.get('title') for message in self.messages]}")


@contextlib.contextmanager
def chat() -> Iterator[Chat]:
    state = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            state.messages += json.loads(self.rfile.read(size))["attachments"]
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
