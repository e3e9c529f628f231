"""One JSON answer from a plug in the local network."""

import http.client
import json
import re
from typing import Any

# A plug answers within 0.2 s; one that needs longer has lost its Wi-Fi.
TIMEOUT_S = 2.0
_MOST_BYTES = 1_000_000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


def check_host(host: str) -> None:
    """Raises ValueError for what is no ``name`` or ``name:port``."""
    if not _HOST.fullmatch(host):
        raise ValueError(f"host must be a name or address, with :port where it is not 80, got {host!r}")


def get_json(host: str, path: str) -> dict[str, Any]:
    """The object that ``path`` answers. Raises OSError where nobody answers, ValueError for another answer."""
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(_MOST_BYTES)
    except http.client.HTTPException as exc:
        raise OSError(f"{host} ended the connection amid its answer: {type(exc).__name__} {exc}") from exc
    except OSError as exc:
        raise OSError(f"{host} does not answer: {exc}") from exc
    finally:
        connection.close()
    if response.status == 401:
        raise ValueError(f'{host} asks for a password: switch its authentication off, or use kind = "command"')
    if response.status != 200:
        raise ValueError(f"{host} answered {path} with {response.status} {response.reason}: {body[:100]!r}")
    try:
        answer = json.loads(body)
    except ValueError as exc:
        raise ValueError(f"{host} answered {path} with something else than JSON: {body[:100]!r}") from exc
    if not isinstance(answer, dict):
        raise ValueError(f"{host} answered {path} with something else than an object: {body[:100]!r}")
    return answer
