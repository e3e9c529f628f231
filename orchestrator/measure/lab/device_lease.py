"""The lease as the device itself keeps it: what also holds between controllers that share no ledger."""

import json
import time
from typing import Any

from agents import strict_json
from agents.fence import Fence, LeaseAnswer, LeaseRequest
from orchestrator.domain.lease import Lease
from orchestrator.errors import DeviceHeld, LeaseLost
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.deploy.run import FENCED_HINT
from orchestrator.measure.transports.base import Transport

_TIMEOUT_S = 60.0


def acquire(agent: DeployedAgent, lease: Lease, *, force: bool = False) -> int:
    """The token under which the device knows ``lease`` from now on. Raises DeviceHeld where somebody else has it."""
    request = LeaseRequest(
        lease_id=lease.lease_id,
        holder=lease.holder,
        purpose=lease.purpose,
        ttl_s=lease.ttl_s,
        token=lease.token,
        replaces=lease.on_device,
        force=force,
    )
    said = _ask(agent, agent.transport, "acquire", stdin=json.dumps(strict_json.to_json(request)).encode())
    answer = strict_json.from_json(LeaseAnswer, said)
    assert answer.fence is not None
    if not answer.granted:
        raise _held(agent.name, answer.fence, answer.silent_s)
    return answer.fence.token


def beat(agent: DeployedAgent, transport: Transport, token: int, ttl_s: float | None = None) -> bool:
    """Keep it; False where the device was given to somebody else. Over ``transport``: the agent's own may be in use."""
    more = () if ttl_s is None else ("--ttl", f"{ttl_s:g}")
    return bool(_ask(agent, transport, "beat", "--token", str(token), *more))


def release(agent: DeployedAgent, token: int, transport: Transport | None = None) -> bool:
    """Give it back; False where it was somebody else's by now."""
    return bool(_ask(agent, transport or agent.transport, "release", "--token", str(token)))


def show(agent: DeployedAgent) -> LeaseAnswer:
    """Who has the device: ``granted`` is True where nobody does."""
    return strict_json.from_json(LeaseAnswer, _ask(agent, agent.transport, "show"))


def lost(name: str, why: str) -> LeaseLost:
    return LeaseLost(
        f"the lease of {name} is lost: {why}",
        hint=FENCED_HINT,
    )


def _held(name: str, fence: Fence, silent_s: float) -> DeviceHeld:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(fence.since_utc_s))
    return DeviceHeld(
        f"{name} is held by {fence.holder} since {since} UTC for: {fence.purpose or 'no purpose given'} "
        "(says the device; that controller uses another ledger)",
        expires_in_s=max(0.0, fence.ttl_s - silent_s),
        hint=f"wait for it with --wait 30m, or, if {fence.holder} is gone: earshot devices release {name} --force",
    )


def _ask(agent: DeployedAgent, transport: Transport, action: str, *arguments: str, stdin: bytes = b"") -> Any:
    argv = agent.argv(f"lease-{action}", *arguments)
    done = transport.exec(argv, stdin=stdin, timeout_s=_TIMEOUT_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return json.loads(done.stdout)
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
