"""A lease: who has a device, what for, and until when."""

from dataclasses import dataclass

from agents import uptime
from agents.uptime import Moment

# A controller that was not heard of for this long is gone. Three heartbeats may be late: a busy disk delays one.
TTL_S = 60.0
HEARTBEAT_S = 15.0


@dataclass(frozen=True)
class Lease:
    """``token`` grows with every lease of the device. ``process`` identifies the holder's process where there is one;
    a hold by hand has none. ``on_device``: ids of leases of this ledger, one of which the device may still know of.
    """

    device: str
    lease_id: str
    token: int
    holder: str
    process: str | None
    purpose: str
    acquired_utc: str
    heard: Moment
    ttl_s: float = TTL_S
    released: bool = False
    on_device: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token < 1:
            raise ValueError(f"token must be >= 1, got {self.token}")
        if self.ttl_s <= 0:
            raise ValueError(f"ttl_s must be > 0, got {self.ttl_s}")

    def silent_s(self, at: Moment) -> float:
        """Since it was last heard of. Within one start of the machine nobody's setting of the clock moves it; across a
        restart the time of day counts, but never less than what has passed since.
        """
        if uptime.same_boot(self.heard, at):
            return at.uptime_s - self.heard.uptime_s
        return max(at.uptime_s, at.utc_s - self.heard.utc_s)

    def expires_in_s(self, at: Moment) -> float:
        """Never below 0."""
        return max(0.0, self.ttl_s - self.silent_s(at))

    def holds(self, at: Moment) -> bool:
        return not self.released and self.silent_s(at) <= self.ttl_s
