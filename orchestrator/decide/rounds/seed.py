"""Which recipe the next round starts from."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.decide.rounds.standing import PASSED, SHORT, UNEQUAL, WRONG, Standing
from orchestrator.domain.recipe import OPTIONS, Recipe
from orchestrator.domain.rounds import Round

# mend: it is fast and hears too badly. bolder: it hears well and could be faster or smaller. learn: no other recipe of
# these weights mends it.
MEND, BOLDER, LEARN = "mend", "bolder", "learn"
# The order in which recipes are mended that were never timed: the likely fastest first.
_FASTEST = ("int8-qdq", "int8-static", "int8-qoperator", "int8-dynamic")
# Options by which int8 layers were left in float.
_EXCLUDING = ("exclude_nodes", "exclude_types", "exclude", "exclude_modules")


@dataclass(frozen=True)
class Seed:
    """``speed``: fp32 default / it; None where it never ran. ``reason``: what is the matter with it, in words."""

    recipe: Recipe
    aim: str
    reason: str
    speed: float | None


def next_seed(
    found: Sequence[Standing], best: Standing | None, used: Collection[tuple[str, str]], zone: float
) -> Seed | None:
    """The fastest that would win if only it heard better; else what hears well and may be made faster. ``used``: aim
    and recipe of the seeds of earlier rounds. None: there is no further idea."""
    seeds = (*_wrong(found, best, zone), *_never_timed(found), *_bolder(found, best))
    return next((seed for seed in seeds if (seed.aim, str(seed.recipe)) not in used), None)


def seed_to_learn(
    found: Sequence[Standing], best: Standing | None, rounds: Iterable[Round], zone: float
) -> Seed | None:
    """The fastest that rounds with the model's own weights could not mend, and whose weights may learn to be rounded.
    None: there is none, or it was tried."""
    every = list(rounds)
    mended = {r.seed for r in every if r.aim == MEND and any(t.outcome == "passed" for t in r.trials)}
    tried = {r.seed for r in every if r.aim == LEARN}
    for seed in (*_wrong(found, best, zone), *_never_timed(found)):
        learns = "weights" in OPTIONS[seed.recipe.format][seed.recipe.precision] and seed.recipe.precision in _FASTEST
        if learns and not seed.recipe.get("weights", "") and str(seed.recipe) not in mended | tried:
            return replace(seed, aim=LEARN)
    return None


def _wrong(found: Sequence[Standing], best: Standing | None, zone: float) -> list[Seed]:
    least = (1.0 + zone) * (best.speed.value or 1.0 if best else 0.0)
    wrong = [s for s in found if s.state == WRONG and s.speed.value is not None and s.speed.value > least]
    return [_seed(s, MEND) for s in sorted(wrong, key=lambda s: -(s.speed.value or 0.0))]


def _never_timed(found: Sequence[Standing]) -> list[Seed]:
    """One of each family of which nothing passed: all of a family share what harms them."""
    passed = {_family(s.recipe) for s in found if s.state in (PASSED, SHORT)}
    waiting = [s for s in found if s.state == UNEQUAL and s.recipe.precision in _FASTEST]
    waiting.sort(key=lambda s: (_FASTEST.index(s.recipe.precision), len(s.recipe.options), str(s.recipe)))
    first: dict[tuple[str, str], Standing] = {}
    for standing in waiting:
        if _family(standing.recipe) not in passed:
            first.setdefault(_family(standing.recipe), standing)
    return [_seed(s, MEND) for s in first.values()]


def _bolder(found: Sequence[Standing], best: Standing | None) -> list[Seed]:
    """Of a request that nothing meets, those that miss a limit of time or size; else what wins with layers in float."""
    short = sorted((s for s in found if s.state == SHORT), key=lambda s: -(s.speed.value or 0.0))
    if best is None:
        return [_seed(s, BOLDER) for s in short]
    return [_seed(best, BOLDER)] if any(best.recipe.names(option) for option in _EXCLUDING) else []


def _family(recipe: Recipe) -> tuple[str, str]:
    return recipe.format, recipe.precision


def _seed(standing: Standing, aim: str) -> Seed:
    return Seed(standing.recipe, aim, standing.reason, standing.speed.value)
