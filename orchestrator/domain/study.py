"""A study: one question put to one device, for example "which configuration of kws wins here"."""

import hashlib
import json
from dataclasses import dataclass, field

STATUSES = ("running", "finished", "abandoned")


@dataclass(frozen=True)
class Study:
    """``settings`` are all that the user asked for, as plain JSON; the same question has the same hash."""

    study_id: str
    model: str
    device: str
    started_utc: str
    settings: dict[str, object] = field(default_factory=dict)
    status: str = "running"

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status of a study must be one of {STATUSES}, got {self.status!r}")

    @property
    def settings_sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()
