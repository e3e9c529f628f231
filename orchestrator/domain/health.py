"""How a device has been lately."""

from dataclasses import dataclass

# So many device failures in a row: the next user would most likely meet the same.
QUARANTINE_AFTER = 3
KINDS = ("failure", "quarantine", "release", "power")


@dataclass(frozen=True)
class Health:
    """``failures`` in a row, without a good session between them. In quarantine since ``quarantined_utc`` because of
    ``reason``; None: it is not.
    """

    device: str
    failures: int = 0
    quarantined_utc: str | None = None
    reason: str | None = None

    @property
    def quarantined(self) -> bool:
        return self.quarantined_utc is not None


@dataclass(frozen=True)
class HealthEvent:
    """``kind`` is one of ``KINDS``; ``detail`` in words, for power what the hook wrote."""

    device: str
    at_utc: str
    kind: str
    detail: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
