"""Of what the controller heard, what is worth the device's time, and what is expected of it there."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.decide.rounds.ideas import DYNAMIC, SMALLER
from orchestrator.decide.rounds.seed import BOLDER, Seed
from orchestrator.decide.selection.words import figure, percent
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Heard, Prediction, Sensitivity, Trial

# Where a model cannot be scored here, its outputs speak: 17 to 49 dB is what good int8 leaves of the reference models.
_GOOD_DB = 20.0
# The device bounds the loss from above over all items: what is nearer to the limit than this is left for later.
_COMFORT = 0.5
# A second recipe goes along where it is clearly nearer to fp32, in case the device hears worse than the controller.
_SAFER_DB = 3.0


@dataclass(frozen=True)
class Plan:
    """``trials``: one or two; none where nothing is worth the device's time, and ``hypothesis`` says why."""

    hypothesis: str
    trials: tuple[Trial, ...]


def plan(
    seed: Seed, sensitivity: Sensitivity, heard: Sequence[Heard], limit: float, best_speed: float, zone: float
) -> Plan:
    """``limit`` of the loss; ``best_speed``: fp32 default / the best by now. Least work in float goes first."""
    good = _good(heard, limit)
    if not heard:
        return Plan(f"{_trouble(seed, sensitivity)}; every recipe that could take its place was tried already", ())
    if not good:
        none = "that would be bolder does" if seed.aim == BOLDER else "mends that"
        return Plan(f"{_trouble(seed, sensitivity)}; none of {len(heard)} variants {none}", ())
    worth = [h for h in good if _may_gain(_speed(h, seed), best_speed, zone)]
    if not worth:
        return Plan(f"{_trouble(seed, sensitivity)}; what mends it would be no faster than what wins by now", ())
    worth.sort(key=lambda h: (_float_share(h), h.loss or 0.0, -_snr(h)))
    first = worth[0]
    safer = max(worth[1:], key=lambda h: (_snr(h), -_float_share(h)), default=None)
    chosen = [first] if safer is None or _snr(safer) < _snr(first) + _SAFER_DB else [first, safer]
    trials = tuple(Trial(h.recipe, Prediction(h.loss, _speed(h, seed), _basis(h, seed))) for h in chosen)
    return Plan(_hypothesis(seed, sensitivity, first), trials)


def _good(heard: Sequence[Heard], limit: float) -> list[Heard]:
    """Those within the limit here, comfortably where there are any."""
    able = [h for h in heard if h.refused is None and (h.loss <= limit if h.loss is not None else _snr(h) >= _GOOD_DB)]
    return [h for h in able if (h.loss or 0.0) <= _COMFORT * limit] or able


def _may_gain(speed: float | None, best_speed: float, zone: float) -> bool:
    return speed is None or speed > best_speed * (1.0 + zone)


def _speed(heard: Heard, seed: Seed) -> float | None:
    """The seed's, less what the layers in float take back, by their share of the multiplications."""
    if seed.speed is None or heard.float_share is None:
        return None
    own = 1.0 / seed.speed
    return 1.0 / max(0.01, own + heard.float_share * (1.0 - own))


def _float_share(heard: Heard) -> float:
    return 1.0 if heard.float_share is None else heard.float_share


def _snr(heard: Heard) -> float:
    return float("inf") if heard.snr_db is None else heard.snr_db


def _basis(heard: Heard, seed: Seed) -> str:
    quality = (
        "loss heard on the controller" if heard.loss is not None else f"{heard.unheard}; {figure(heard.snr_db)} dB"
    )
    if seed.speed is None:
        return f"{quality}; its speed is not predicted: {seed.recipe} was never timed"
    if heard.float_share is None:
        return f"{quality}; its speed is not predicted: it has other kernels than {seed.recipe}"
    return f"{quality}; speed from that of {seed.recipe} and the share of multiplications in float"


def _hypothesis(seed: Seed, sensitivity: Sensitivity, chosen: Heard) -> str:
    if seed.aim == BOLDER:
        aim = "a smaller precision" if chosen.idea == SMALLER else chosen.idea
        return f"{seed.recipe} hears well enough that {aim} may cost no quality and win time"
    remedy = f"{chosen.idea}{_named(Recipe.parse(chosen.recipe), seed.recipe)}"
    share = chosen.float_share
    kept = f", and {percent(1.0 - share)} of the multiplications in int8" if share and chosen.idea != DYNAMIC else ""
    return f"{_trouble(seed, sensitivity)}; it is mended where {remedy}{kept}"


def _named(recipe: Recipe, seed: Recipe) -> str:
    changed = [f"{name}={value}" for name, value in recipe.options if (name, value) not in seed.options]
    if recipe.precision != seed.precision:
        changed.insert(0, recipe.precision)
    return f" ({', '.join(changed)})" if changed else ""


def _trouble(seed: Seed, sensitivity: Sensitivity) -> str:
    """What is the matter with the seed, and with which layer."""
    if seed.aim == BOLDER:
        return f"{seed.recipe} hears well"
    worst = sensitivity.suspects[0] if sensitivity.suspects else None
    if worst is None:
        why = f" ({sensitivity.reason})" if sensitivity.reason else ""
        return f"{seed.recipe} hears too badly, and no layer can be blamed{why}"
    return f"{seed.recipe} hears too badly: rounding {worst.cause} leaves {figure(worst.snr_db)} dB of its output"
