"""Strategies by the name that the command line knows them by."""

from collections.abc import Sequence
from importlib.util import find_spec

from orchestrator.decide.search.base import Strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.errors import BadInput

STRATEGIES = ("racing", "exhaustive", "random", "optuna", "halving")


def require_strategy(name: str) -> None:
    """Raises BadInput for an unknown name, or where the library that it needs is not installed."""
    if name not in STRATEGIES:
        raise BadInput(f"strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
    if name == "optuna" and find_spec("optuna") is None:
        raise BadInput(f"the strategy {name} needs Optuna", hint="pip install 'earshot[search]'")


def make_strategy(name: str, standings: Standings, seed: int, first: Sequence[str] = ()) -> Strategy:
    """``first``: candidates to look at before the others, where the strategy begins somewhere.

    Raises BadInput for an unknown name, or where the library that it needs is not installed."""
    from orchestrator.decide.search import plain
    from orchestrator.decide.search.race import Race

    require_strategy(name)
    kinds: dict[str, type[Strategy]] = {
        "racing": Race,
        "exhaustive": plain.Exhaustive,
        "random": plain.Random,
        "optuna": plain.Tpe,
        "halving": plain.Halving,
    }
    made: Strategy = kinds[name](standings, seed, first)  # type: ignore[call-arg]
    return made
