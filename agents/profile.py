"""What every runtime's profile is made of, and what each provider did by it."""

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from agents.wire import OperatorTime, Profile, ProviderShare


def timed(operators: Sequence[OperatorTime]) -> Tuple[OperatorTime, ...]:
    """With the shares that follow from the times, the greatest first. All have ``time_us``, and as yet any share."""
    total = sum(o.time_us or 0.0 for o in operators)
    shared = [replace(o, share=(o.time_us or 0.0) / total if total else 0.0) for o in operators]
    return tuple(sorted(shared, key=lambda o: -(o.time_us or 0.0)))


def provider_shares(profile: Profile) -> Tuple[ProviderShare, ...]:
    """What each provider did, by name. Shares add up to 1; None where any of its nodes was not timed."""
    by_provider: Dict[str, List[OperatorTime]] = {}
    for operator in profile.operators:
        by_provider.setdefault(operator.provider, []).append(operator)
    return tuple(_share(provider, nodes, profile) for provider, nodes in sorted(by_provider.items()))


def _share(provider: str, nodes: Sequence[OperatorTime], profile: Profile) -> ProviderShare:
    operators = tuple(sorted({o.op for o in nodes}))
    return ProviderShare(provider, len(nodes), _time_share(nodes, profile), operators, profile.assigned.get(provider))


def _time_share(nodes: Sequence[OperatorTime], profile: Profile) -> Optional[float]:
    if any(o.time_us is None for o in nodes):
        return None
    total = sum(o.time_us or 0.0 for o in profile.operators)
    return sum(o.time_us or 0.0 for o in nodes) / total if total else 0.0
