"""One server over HTTP: its answers in our words. No redirect is followed: it would take the token elsewhere."""

import http.client
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from urllib.parse import SplitResult, urlsplit

from orchestrator.errors import BadInput, MonitoringError

TIMEOUT_S = 30.0
WRITE_PATH = "/api/v1/write"
# A body that is kept: errors are short, configurations are not; figures may be longer.
MOST_BYTES = 4 << 20
_FORM = "give it as http://prometheus.example:9090"


class Away(Exception):
    """The server cannot be reached or is busy: the same may go well later. ``retry_after_s`` where it says when."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """``at_s``: the server's own clock, since 1970; None where it does not tell."""

    status: int
    text: str
    at_s: float | None
    retry_after_s: float | None


class Server:
    """One connection, kept open. ``base``: of its API, also where ``url`` is that of its endpoint for writing."""

    def __init__(
        self, url: str, bearer: str | None = None, timeout_s: float = TIMEOUT_S, most_bytes: int = MOST_BYTES
    ) -> None:
        self._parts = server_url(url)
        self.base = self._parts.path.rstrip("/").removesuffix(WRITE_PATH)
        self._headers = {"User-Agent": "earshot"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        """Raises Away, MonitoringError where it refuses us."""
        return self._ask("GET", self.base + path, None, {})

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """``path``: from the root of the host. Raises Away, MonitoringError where it refuses us."""
        return self._ask("POST", path, body, headers)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        try:
            answer = self._once(method, path, body, headers)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise Away(f"{self._parts.netloc}: {_words(exc)}") from exc
        if answer.status in (401, 403):
            raise MonitoringError(
                f"{self._parts.netloc} refuses us: {answer.status} {answer.text[:200].strip()}",
                hint="give its token by reference: --bearer-from env:NAME or file:PATH",
            )
        if answer.status == 429 or answer.status in (502, 503, 504):
            said = f"{self._parts.netloc} is busy: {answer.status} {answer.text[:200].strip()}"
            raise Away(said, answer.retry_after_s)
        return answer

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        used = self._connection is not None
        connection = self._connection = self._connection or self._connect()
        try:
            connection.request(method, path, body, self._headers | headers)
            found = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not used:
                raise
            # It ended a connection that had been idle: once more, on a new one.
            self.close()
            return self._once(method, path, body, headers)
        text = found.read(self._most_bytes).decode(errors="replace")
        if found.will_close or found.read(1):
            self.close()
        return Answer(found.status, text, _date_s(found.headers["Date"]), _seconds(found.headers["Retry-After"]))

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


def server_url(url: str) -> SplitResult:
    """Raises BadInput for what is no address of a server, and for credentials in it."""
    parts = urlsplit(url)
    try:
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise BadInput(f"{url!r} is no address of a server", hint=_FORM)
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            "the address has credentials in it, which everybody who lists processes sees",
            hint="give a token by reference: --bearer-from env:NAME or file:PATH",
        )
    return parts


def _words(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or type(exc).__name__


def _date_s(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is not what servers of metrics send."""
    return float(text) if text is not None and text.isdigit() else None
