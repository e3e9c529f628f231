"""Strategies by the name that the command line knows them by."""

from collections.abc import Sequence
from importlib.util import find_spec

from orchestrator.decide.search.base import Journal, Strategy
from orchestrator.decide.search.standing import Standings
from orchestrator.errors import BadInput

STRATEGIES = ("racing", "exhaustive", "random", "optuna", "nsga2", "halving")
_OPTUNA = ("optuna", "nsga2")


def require_strategy(name: str) -> None:
    """Raises BadInput for an unknown name, or where the library that it needs is not installed."""
    if name not in STRATEGIES:
        raise BadInput(f"strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
    if name in _OPTUNA and find_spec("optuna") is None:
        raise BadInput(f"the strategy {name} needs Optuna", hint="pip install 'earshot[search]'")


def make_strategy(
    name: str, standings: Standings, seed: int, first: Sequence[str] = (), journal: Journal | None = None
) -> Strategy:
    """``first``: candidates to look at before the others, where the strategy begins somewhere. ``journal``: where one
    that remembers keeps what it does; None: in memory.

    Raises BadInput for an unknown name, or where the library that it needs is not installed."""
    from orchestrator.decide.search import plain
    from orchestrator.decide.search.race import Race

    require_strategy(name)
    kinds: dict[str, type[Strategy]] = {
        "racing": Race,
        "exhaustive": plain.Exhaustive,
        "random": plain.Random,
        "halving": plain.Halving,
    }
    if name in _OPTUNA:
        from orchestrator.decide.search.optuna_study import Nsga2, Tpe

        return (Tpe if name == "optuna" else Nsga2)(standings, seed, first, journal)
    made: Strategy = kinds[name](standings, seed, first)  # type: ignore[call-arg]
    return made
