"""A web server on loopback that gives a folder away: with ranges, and cutting the first answers where it is told to."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *args: Any, root: Path, cuts: list[int], ranges: bool, asked: list[str]) -> None:
        self._root, self._cuts, self._ranges, self._asked = root, cuts, ranges, asked
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        wanted = self.headers.get("Range")
        self._asked.append(f"{self.command} {wanted or 'all'}")
        path = self._root / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self._ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if with_body:
            end = start + self._cuts.pop(0) if self._cuts else len(content)
            self.wfile.write(content[start:end])

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def web_server(root: Path, cuts: list[int] | None = None, ranges: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and what it is asked. ``cuts``: of the first answers only so many bytes are sent."""
    asked: list[str] = []
    handler = partial(_Handler, root=root, cuts=list(cuts or ()), ranges=ranges, asked=asked)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()
