"""Who has this device: ``fence.json`` below the agent's root, the one thing that all controllers share.

A lease has a token that only ever grows. ``agent run`` starts a session only under the token that was given out last,
so a controller that lost its lease, and does not know it yet, cannot start one; a session that still runs under an
older token is ended before a new one starts. All of it happens under one flock, which the kernel drops with its holder.
"""

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Callable, Iterator, Optional, Tuple

from agents import durable, strict_json, uptime
from agents.claim import running
from agents.store import BadRequest, Store
from agents.uptime import Moment

LONGEST_TTL_S = 14 * 86400.0
Now = Callable[[], Moment]


@dataclass(frozen=True)
class Fence:
    """The lease given out last. It holds until it is released, or not heard of for ``ttl_s`` while no session of its
    token runs.
    """

    token: int
    lease_id: str
    holder: str
    purpose: str
    since_utc_s: float
    ttl_s: float
    heard: Moment
    released: bool = False


@dataclass(frozen=True)
class LeaseRequest:
    """What ``agent lease-acquire`` reads. ``token``: the new one will be no lower. ``replaces``: ids of leases whose
    holders are known to be gone. ``force``: whoever has it.
    """

    lease_id: str
    holder: str
    purpose: str
    ttl_s: float
    token: int = 1
    replaces: Tuple[str, ...] = ()
    force: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.ttl_s <= LONGEST_TTL_S:
            raise ValueError(f"ttl_s must be in 0..{LONGEST_TTL_S:g}, got {self.ttl_s}")
        if self.token < 1:
            raise ValueError(f"token must be >= 1, got {self.token}")


@dataclass(frozen=True)
class LeaseAnswer:
    """``granted`` with the new lease, or the one that is in the way. ``silent_s``: since it was last heard of."""

    granted: bool
    fence: Optional[Fence]
    silent_s: float = 0.0


class FenceFile:
    """``fence.json`` of a store, to be used under ``locked``."""

    def __init__(self, store: Store, now: Now = uptime.now) -> None:
        self._store, self._now = store, now
        self.path = os.path.join(store.root, "fence.json")
        self._lock = os.path.join(store.root, "fence.lock")

    @contextmanager
    def locked(self) -> Iterator["FenceFile"]:
        os.makedirs(self._store.root, exist_ok=True)
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield self
        finally:
            os.close(fd)

    def read(self) -> Optional[Fence]:
        """None where no lease was ever given out. Raises BadRequest for a damaged file."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return strict_json.from_json(Fence, json.load(file))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise BadRequest(f"{self.path} is damaged ({error}): take the device with force") from error

    def write(self, fence: Fence) -> None:
        durable.write_json(self.path, strict_json.to_json(fence))

    def is_live(self, fence: Fence) -> bool:
        if fence.released:
            return False
        return self.silent_s(fence) <= fence.ttl_s or any(f.fence() == fence.token for f in running(self._store))

    def silent_s(self, fence: Fence) -> float:
        return uptime.age_s(fence.heard, self._now())

    def new(self, request: LeaseRequest, token: int) -> Fence:
        moment = self._now()
        return Fence(
            token, request.lease_id, request.holder, request.purpose, moment.utc_s, request.ttl_s, heard=moment
        )

    def renewed(self, fence: Fence) -> Fence:
        return replace(fence, heard=self._now())


def acquire(store: Store, request: LeaseRequest, now: Now = uptime.now) -> LeaseAnswer:
    """Give the device to who asks, unless another lease holds. The token is higher than any before."""
    with FenceFile(store, now).locked() as file:
        try:
            held = file.read()
        except BadRequest:
            if not request.force:
                raise
            held = None
        if held is not None and not _may_follow(request, held) and file.is_live(held):
            return LeaseAnswer(False, held, file.silent_s(held))
        fence = file.new(request, max(request.token, held.token + 1 if held else 1))
        file.write(fence)
        return LeaseAnswer(True, fence)


def _may_follow(request: LeaseRequest, held: Fence) -> bool:
    return request.force or held.lease_id in (request.lease_id, *request.replaces)


def beat(store: Store, token: int, ttl_s: Optional[float] = None, now: Now = uptime.now) -> bool:
    """The holder of ``token`` is alive, and wants to go on for ``ttl_s`` where given; False where it lost the lease."""
    with FenceFile(store, now).locked() as file:
        held = file.read()
        if held is None or held.token != token or held.released:
            return False
        file.write(replace(file.renewed(held), ttl_s=ttl_s or held.ttl_s))
        return True


def release(store: Store, token: int, now: Now = uptime.now) -> bool:
    """Give the device back; False where ``token`` does not hold it. The token is kept: the next one is higher."""
    with FenceFile(store, now).locked() as file:
        held = file.read()
        if held is None or held.token != token or held.released:
            return False
        file.write(replace(held, released=True))
        return True


def show(store: Store, now: Now = uptime.now) -> LeaseAnswer:
    """Who has the device: ``granted`` is True where nobody does."""
    with FenceFile(store, now).locked() as file:
        held = file.read()
        return LeaseAnswer(held is None or not file.is_live(held), held, file.silent_s(held) if held else 0.0)
