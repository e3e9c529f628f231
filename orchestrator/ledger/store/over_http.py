"""Files that a web server gives away: read only, for sites that may fetch but not write."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import StoreError
from orchestrator.ledger.store.base import Held, absent, digest_of

_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 20
_NOT_FOUND = 404
_PARTIAL = 206
_NOTHING_LEFT = 416
_READ_ONLY = "name the place behind it (file:, s3:, sftp:) in store.url where files are put, and this one elsewhere"


class HttpStore:
    """``<url>/<two digits>/<sha256>``: the layout of ``at_url.py``, behind any web server.

    A server that gives no ranges gives the whole file again.
    """

    def __init__(self, url: str) -> None:
        self.place = url

    def has(self, sha256: str) -> bool:
        try:
            self._open(sha256, "HEAD").close()
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code == _NOT_FOUND:
                return False
            raise self._fault(exc) from exc
        except OSError as exc:
            raise self._fault(exc) from exc
        return True

    def put(self, path: Path) -> str:
        sha256, _ = digest_of(path)
        if not self.has(sha256):
            raise StoreError(f"the store {self.place} is read only, and lacks {path}", hint=_READ_ONLY)
        return sha256

    def read(self, sha256: str, start: int) -> Iterator[bytes]:
        try:
            with self._open(sha256, "GET", start) as answer:
                if start and answer.status != _PARTIAL:
                    answer.read(start)
                while block := answer.read(_BLOCK_BYTES):
                    yield block
                # Read in blocks, an answer that was cut ends without a word.
                if answer.length:
                    raise StoreError(f"the answer of {self.place} was cut {answer.length} bytes before its end")
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code == _NOTHING_LEFT:
                return
            raise (absent(sha256, self.place) if exc.code == _NOT_FOUND else self._fault(exc)) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise self._fault(exc) from exc

    def held(self) -> Iterator[Held]:
        raise StoreError(f"the store {self.place} is read only, and cannot be listed", hint=_READ_ONLY)

    def delete(self, sha256: str) -> None:
        raise StoreError(f"the store {self.place} is read only", hint=_READ_ONLY)

    def _open(self, sha256: str, method: str, start: int = 0) -> http.client.HTTPResponse:
        headers = {"Range": f"bytes={start}-"} if start else {}
        asked = urllib.request.Request(
            f"{self.place.rstrip('/')}/{sha256[:2]}/{sha256}", method=method, headers=headers
        )
        answer: http.client.HTTPResponse = urllib.request.urlopen(asked, timeout=_TIMEOUT_S)
        return answer

    def _fault(self, exc: Exception) -> StoreError:
        said = getattr(exc, "reason", None) or exc
        return StoreError(f"cannot use the store {self.place}: {said}", hint="check its URL and the network")
