"""Strategies by the name that the command line knows them by."""

from importlib.util import find_spec

from orchestrator.decide.search.base import Strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.errors import BadInput

STRATEGIES = ("racing", "exhaustive", "random", "optuna", "halving")


def make_strategy(name: str, standings: Standings, seed: int) -> Strategy:
    """Raises BadInput for an unknown name, or where the library that it needs is not installed."""
    from orchestrator.decide.search import plain
    from orchestrator.decide.search.race import Race

    kinds: dict[str, type[Strategy]] = {
        "racing": Race,
        "exhaustive": plain.Exhaustive,
        "random": plain.Random,
        "optuna": plain.Tpe,
        "halving": plain.Halving,
    }
    if name not in kinds:
        raise BadInput(f"strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
    if name == "optuna" and find_spec("optuna") is None:
        raise BadInput("the strategy optuna needs Optuna", hint="pip install 'earshot[search]'")
    made: Strategy = kinds[name](standings, seed)  # type: ignore[call-arg]
    return made
