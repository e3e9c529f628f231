"""One Grafana through grafana-client: its errors in our words, and nothing left open."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException

from orchestrator.errors import MonitoringError
from orchestrator.tell.telemetry.server import server_url

TIMEOUT_S = 30.0
_NOT_FOUND = 404
_TOKEN_HINT = "make a token of a service account with the role Editor (Admin for a data source), and name where it is"


class Grafana:
    """``url`` as people type it, also below a path. Raises BadInput for what is no address."""

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        server_url(url)
        self.url = url.rstrip("/")
        # Its paths begin right behind what it is given.
        self.api = GrafanaApi.from_url(f"{self.url}/", credential=token, timeout=timeout_s)

    def __enter__(self) -> "Grafana":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.client.s.close()

    def ask(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Calls a method of ``api``. Raises MonitoringError; Refused where Grafana says no to this request only."""
        try:
            answer = question(*arguments, **named)
        except GrafanaException as exc:
            raise self._mapped(exc) from exc
        except niquests.exceptions.RequestException as exc:
            raise MonitoringError(
                f"Grafana at {self.url} cannot be reached: {_words(exc)}", hint="is it up, and is this its address?"
            ) from exc
        if isinstance(answer, str):
            raise MonitoringError(f"{self.url} does not answer as Grafana does", hint="is the path right?")
        return answer

    def find(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """None where Grafana has no such thing."""
        try:
            return self.ask(question, *arguments)
        except Refused as exc:
            if exc.status == _NOT_FOUND:
                return None
            raise

    def _mapped(self, exc: GrafanaException) -> MonitoringError:
        status = int(exc.status_code or 0)
        said = _said(exc)
        if status == 401:
            return MonitoringError(f"Grafana at {self.url} does not know the token: {said}", hint=_TOKEN_HINT)
        if status == 403:
            return MonitoringError(f"the token may not do this on {self.url}: {said}", hint=_TOKEN_HINT)
        if status == 0:
            return MonitoringError(f"Grafana at {self.url} did not answer in time: {said}", hint="is it up?")
        if status >= 500:
            return MonitoringError(f"Grafana at {self.url} failed: {status} {said}", hint="see Grafana's own log")
        return Refused(f"Grafana at {self.url} refuses: {status} {said}", status)


class Refused(MonitoringError):
    """``status``: 4xx but for those about the token."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _said(exc: GrafanaException) -> str:
    found: Any = exc.response
    return str(found.get("message", found)) if isinstance(found, dict) else str(found or exc.message)[:200]


def _words(exc: Exception) -> str:
    return str(exc).splitlines()[0][:200] if str(exc) else type(exc).__name__
