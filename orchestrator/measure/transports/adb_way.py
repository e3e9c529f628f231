"""A way to one device's adbd: its own connection, or a running adb server. Each opens services as byte streams."""

from typing import Protocol

from orchestrator.measure.transports.adb_stream import ByteStream


class AdbWay(Protocol):
    """Several threads may use it. ``place`` is for messages."""

    @property
    def place(self) -> str: ...

    @property
    def features(self) -> frozenset[str]:
        """What this device's adbd offers."""
        ...

    @property
    def alive(self) -> bool:
        """False once the link is known to be lost."""
        ...

    def open(self, service: str, timeout_s: float) -> ByteStream:
        """A stream to a service of adbd. Raises ConnectionRefusedError where there is none, OSError for the link."""
        ...

    def close(self) -> None: ...
