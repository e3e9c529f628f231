"""Remote write to one server: what its answers mean for what was sent."""

from urllib.parse import urlsplit

from orchestrator.errors import MonitoringError
from orchestrator.tell.telemetry.remote_write import HEADERS
from orchestrator.tell.telemetry.server import WRITE_PATH, Answer, Away, Server

# Answers that will be the same for ever, by what they say (tsdb and storage of Prometheus). Prometheus 2.42 gives them
# the status 500 that asks for a repetition.
_NEVER = {
    "too old sample": "too-old",
    "out of bounds": "too-old",
    "out of order": "out-of-order",
    "duplicate sample": "duplicate",
    "native histograms are disabled": "histogram",
}


# A request that the server calls bad, in words that say nothing of samples: another endpoint may be meant.
UNKNOWN = "refused"


class NeverTaken(Exception):
    """The server will not take this, however often it is sent. ``reason``: one word for a label."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class TooLarge(Exception):
    """Fewer at once may be taken."""


class Writer:
    """``url``: of the server, or of its endpoint for writing where that is another one than Prometheus's."""

    def __init__(self, server: Server, url: str) -> None:
        path = urlsplit(url).path.rstrip("/")
        self.path = path if path.endswith(("/write", "/push")) else path + WRITE_PATH
        self._server = server

    def write(self, body: bytes) -> None:
        """Raises Away (send it again), NeverTaken, TooLarge, MonitoringError (nothing is taken here)."""
        answer = self._server.post(self.path, body, HEADERS)
        if answer.status // 100 == 2:
            return
        if answer.status == 413:
            raise TooLarge
        if answer.status in (404, 405):
            raise MonitoringError(
                f"nothing takes a remote write at {self.path}: {_said(answer)}",
                hint="start Prometheus with --web.enable-remote-write-receiver, or give the endpoint's whole address",
            )
        reason = next((word for words, word in _NEVER.items() if words in answer.text.lower()), None)
        if reason is not None or answer.status == 400:
            raise NeverTaken(reason or UNKNOWN, _said(answer))
        if answer.status // 100 == 5:
            raise Away(f"the server failed: {_said(answer)}", answer.retry_after_s)
        raise MonitoringError(f"the server does not take a remote write: {_said(answer)}", hint="check the address")


def _said(answer: Answer) -> str:
    return f"{answer.status} {answer.text[:300].strip()}"
