"""Files and pieces of audio by name, and what every class here holds its fields to."""

import re
from dataclasses import dataclass

SESSION_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_session_id(text: str) -> bool:
    return SESSION_ID.fullmatch(text) is not None


def require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


@dataclass(frozen=True)
class Blob:
    """A file in the device's store, ``blobs/<sha256><suffix>`` below the agent's root."""

    sha256: str
    size_bytes: int
    suffix: str = ""

    def __post_init__(self) -> None:
        require(bool(_SHA256.fullmatch(self.sha256)), f"sha256 must be 64 hex digits, got {self.sha256!r}")
        require(self.size_bytes >= 0, f"size_bytes must be >= 0, got {self.size_bytes}")
        require(re.fullmatch(r"(\.[a-z0-9]+)*", self.suffix) is not None, f"suffix must be like .onnx: {self.suffix!r}")

    @property
    def file_name(self) -> str:
        return self.sha256 + self.suffix


@dataclass(frozen=True)
class Span:
    """A piece of the audio, in samples."""

    start: int
    count: int

    def __post_init__(self) -> None:
        require(self.start >= 0 and self.count > 0, f"span must lie in the audio, got {self.start}+{self.count}")
