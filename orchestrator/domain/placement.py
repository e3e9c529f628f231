"""Whether a session's work may be credited to the execution provider that it asked for."""

from agents import wire
from agents.providers import CPU

# A provider that did less of the nodes' time than this did not run the model. It is low because a provider that
# accelerates its nodes tenfold takes a small share of what is left. Of the nodes, where a runtime does not time them.
LEAST_SHARE = 0.1


def fell_back(provider: str, result: wire.RunResult, least_share: float = LEAST_SHARE) -> str | None:
    """Why not, from what was registered and, in mode placement, from what ran; None where nothing says so.

    The CPU provider has nothing to fall back to.
    """
    registered = result.providers_registered
    if registered and provider not in registered:
        return f"{provider} was asked for, the session registered {', '.join(registered)}"
    if provider == CPU or not result.placement:
        return None
    because = f" ({result.fallback})" if result.fallback else ""
    shares = {share.provider: share for share in result.placement}
    own = shares.get(provider)
    if own is None or own.nodes == 0:
        others = ", ".join(p for p, share in shares.items() if share.nodes) or "nothing"
        return f"{provider} ran no node, {others} ran the model{because}"
    if own.time_share is None:
        total = sum(share.nodes for share in shares.values())
        return f"{provider} ran {own.nodes} of {total} nodes{because}" if own.nodes < least_share * total else None
    if own.time_share < least_share:
        return f"{provider} ran {own.nodes} nodes with {100 * own.time_share:.1f} % of the time{because}"
    return None
