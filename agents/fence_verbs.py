"""``agent lease-...``: acquire, beat, release, show."""

from typing import Any, Callable, Dict

from agents import fence, strict_json
from agents.store import BadRequest, Store


def lease(action: str, root: str, options: Dict[str, str], read: Callable[[], Any]) -> Any:
    """What the verb prints. Raises BadRequest for what cannot be asked."""
    if action in ("beat", "release") and "--token" not in options:
        raise BadRequest("--token is needed: the lease's")
    store = Store(root)
    if action == "acquire":
        try:
            request = strict_json.from_json(fence.LeaseRequest, read())
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return strict_json.to_json(fence.acquire(store, request))
    if action == "show":
        return strict_json.to_json(fence.show(store))
    if action == "beat":
        return fence.beat(store, _number(options, "--token", int), _number(options, "--ttl", float))
    return fence.release(store, _number(options, "--token", int))


def _number(options: Dict[str, str], name: str, kind: Callable[[str], Any]) -> Any:
    if name not in options:
        return None
    try:
        return kind(options[name])
    except ValueError as error:
        raise BadRequest(f"{name} must be a number, got {options[name]!r}") from error
