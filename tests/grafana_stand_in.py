"""A stand-in for Grafana's HTTP API on 127.0.0.1: no Grafana can be installed where these tests run.

It answers as github.com/grafana/grafana, docs/sources/developers/http_api/ has it (folder.md, dashboard.md,
annotations.md, data_source.md, alerting_provisioning.md): paths, bodies, status codes, the fields that Grafana adds.
"""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_stand_in"
Answer = tuple[int, Any]


@dataclass
class StandIn:
    """What it holds, and the writes that it took: (method, path)."""

    url: str = ""
    prefix: str = ""
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    writes: list[tuple[str, str]] = field(default_factory=list)
    forbidden: tuple[str, ...] = ()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, token: str | None) -> Answer:
        if token != TOKEN:
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401}
        if any(path.startswith(each) for each in self.forbidden):
            return 403, {"message": "You'll need additional permissions to perform this action."}
        for wanted, pattern, act in self._routes():
            found = re.fullmatch(pattern, path)
            if wanted == method and found:
                if method != "GET":
                    self.writes.append((method, path))
                return act(found, query, body)
        return 404, {"message": "Not found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            ("GET", r"/api/folders/([^/]+)", lambda m, q, b: _found(self.folders, m[1], "folder")),
            ("POST", r"/api/folders", self._folder),
            ("GET", r"/api/datasources/uid/([^/]+)", lambda m, q, b: _found(self.sources, m[1], "Data source")),
            ("POST", r"/api/datasources", self._source),
            ("PUT", r"/api/datasources/uid/([^/]+)", self._source_again),
            ("GET", r"/api/dashboards/uid/([^/]+)", lambda m, q, b: _found(self.boards, m[1], "Dashboard")),
            ("POST", r"/api/dashboards/db", self._board),
            ("GET", r"/api/annotations", self._find),
            ("POST", r"/api/annotations", self._note),
            ("PUT", r"/api/annotations/(\d+)", self._note_again),
            ("GET", r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", self._group),
            ("PUT", r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", self._group_again),
        ]  # fmt: skip

    def _folder(self, match: Any, query: Any, body: Any) -> Answer:
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with the same uid already exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "version": 1, **body}
        return 200, self.folders[body["uid"]]

    def _source(self, match: Any, query: Any, body: Any) -> Answer:
        if any(each["name"] == body["name"] for each in self.sources.values()):
            return 409, {"message": "data source with the same name already exists"}
        made = {"id": len(self.sources) + 1, "orgId": 1, "version": 1, "readOnly": False, **body}
        self.sources[body["uid"]] = made
        return 200, {"datasource": made, "id": made["id"], "message": "Datasource added", "name": body["name"]}

    def _source_again(self, match: Any, query: Any, body: Any) -> Answer:
        self.sources[match[1]] |= body
        return 200, {"datasource": self.sources[match[1]], "message": "Datasource updated"}

    def _board(self, match: Any, query: Any, body: Any) -> Answer:
        model, folder = body["dashboard"], body.get("folderUid", "")
        if folder not in self.folders:
            return 400, {"message": "folder not found", "status": "not-found"}
        known = self.boards.get(model["uid"])
        if known and not body.get("overwrite"):
            return 412, {"message": "A dashboard with the same uid already exists", "status": "name-exists"}
        version = known["dashboard"]["version"] + 1 if known else 1
        number = known["dashboard"]["id"] if known else len(self.boards) + 1
        self.boards[model["uid"]] = {
            "dashboard": {**model, "id": number, "version": version},
            "meta": {"folderUid": folder, "folderTitle": self.folders[folder]["title"], "isStarred": False},
        }
        return 200, {"id": number, "uid": model["uid"], "status": "success", "version": version}

    def _find(self, match: Any, query: dict[str, list[str]], body: Any) -> Answer:
        wanted = set(query.get("tags", []))
        found = [{"id": at, **note} for at, note in self.notes.items() if wanted <= set(note["tags"])]
        return 200, found[: int(query.get("limit", ["100"])[0])]

    def _note(self, match: Any, query: Any, body: Any) -> Answer:
        if not body.get("text"):
            return 400, {"message": "text field should not be empty"}
        number = len(self.notes) + 1
        self.notes[number] = _as_note(body)
        return 200, {"message": "Annotation added", "id": number}

    def _note_again(self, match: Any, query: Any, body: Any) -> Answer:
        self.notes[int(match[1])] = _as_note(body)
        return 200, {"message": "Annotation updated"}

    def _group(self, match: Any, query: Any, body: Any) -> Answer:
        return _found(self.groups, (match[1], match[2]), "rule group")

    def _group_again(self, match: Any, query: Any, body: Any) -> Answer:
        bad = [r["title"] for r in body["rules"] if r["condition"] not in {each["refId"] for each in r["data"]}]
        if bad or match[1] not in self.folders:
            return 400, {"message": f"invalid alert rule: {bad}"}
        rules = [
            {"id": at, "provenance": "api", "updated": "2026-11-21T00:00:00Z", **r}
            for at, r in enumerate(body["rules"])
        ]
        self.groups[match[1], match[2]] = {**body, "rules": rules}
        return 200, body


def _as_note(body: dict[str, Any]) -> dict[str, Any]:
    kept = {"time": body["time"], "timeEnd": body["timeEnd"], "tags": body["tags"], "text": body["text"]}
    return {"alertId": 0, "dashboardId": 0, "panelId": 0, "userId": 1, **kept}


def _found(things: Mapping[Any, Any], key: Any, what: str) -> Answer:
    return (200, things[key]) if key in things else (404, {"message": f"{what} not found"})


@contextlib.contextmanager
def grafana_stand_in(prefix: str = "") -> Iterator[StandIn]:
    """``prefix``: the path below which it lies, such as /grafana."""
    state = StandIn(prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: else each answer waits for the client's delayed acknowledgement.
        wbufsize = 1 << 16

        def _all(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
            status, said = 404, "<html>no Grafana here</html>"
            if parts.path.startswith(f"{prefix}/api/"):
                path = parts.path.removeprefix(prefix)
                status, said = state.answer(
                    self.command, path, parse_qs(parts.query), body, token if scheme == "Bearer" else None
                )
            payload = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = _all

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
