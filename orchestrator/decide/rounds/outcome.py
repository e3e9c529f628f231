"""What came of a round on the device, and whether there is another one."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.decide.rounds.standing import PASSED, Standing, compared
from orchestrator.decide.selection.words import figure, interval_text, percent
from orchestrator.domain.decision import Estimate
from orchestrator.domain.rounds import Round, Trial


def measured(
    planned: Round, before: Standing | None, after: Sequence[Standing], best: Standing | None, objective: str
) -> Round:
    """``planned`` with what the device said. ``before``: what was best before it; ``best`` is now."""
    by_recipe = {str(s.recipe): s for s in after}
    trials = tuple(_measured(t, by_recipe.get(t.recipe), before, objective) for t in planned.trials)
    gain, metric = compared(before.evidence if before else None, best.evidence if best else None, objective)
    if before is None:
        gain = Estimate(None, reason="nothing passed before it")
    return replace(planned, trials=trials, gain=gain, verdict=_verdict(trials, gain, metric))


def _measured(trial: Trial, standing: Standing | None, before: Standing | None, objective: str) -> Trial:
    if standing is None:
        return replace(trial, outcome="refused", reason="no session of it ran")
    if standing.verdict is None:
        return replace(trial, outcome="refused", reason=standing.reason)
    against_best, _ = compared(before.evidence if before else None, standing.evidence, objective)
    return replace(
        trial,
        outcome="passed" if standing.state == PASSED else "failed",
        reason=standing.reason,
        label=standing.verdict.candidate.label,
        metric=standing.metric,
        quality_loss=standing.verdict.metrics.get("quality_loss"),
        speed=standing.speed,
        against_best=against_best,
    )


def _verdict(trials: Sequence[Trial], gain: Estimate, metric: str | None) -> str:
    if not trials:
        return "nothing of it was worth the device's time"
    passed = [t for t in trials if t.outcome == "passed"]
    if not passed:
        return "; ".join(f"{t.recipe} did not pass: {t.reason}" for t in trials)
    heard = passed[0].quality_loss
    quality = "" if heard is None or heard.value is None else f"loss {percent(heard.value, sign=True)}, "
    speed = next((t.speed for t in passed if t.speed and t.speed.value is not None), None)
    times = f"{figure(speed.value)}x the fp32 default" if speed else "not timed beside the fp32 default"
    return f"{quality}{times}; {_gain(gain, metric)}"


def _gain(gain: Estimate, metric: str | None) -> str:
    if gain.value is None:
        return f"{gain.reason}"
    if gain.low == gain.high == 1.0:
        return "what was best before it still is"
    return f"the best by now is {figure(gain.value)}x what was best before in {metric}, {interval_text(gain)}"


def gained(ended: Round, zone: float) -> bool:
    """Beyond the zone and beyond the noise; where nothing passed before, whatever passed."""
    if ended.gain is None or ended.gain.value is None:
        return any(t.outcome == "passed" for t in ended.trials)
    low = ended.gain.low
    return ended.gain.value > 1.0 + zone and (low is None or low > 1.0)


def why_ended(rounds: Iterable[Round], most: int, zone: float) -> str | None:
    """Why there is no further round, as far as the rounds tell: their number, or one that passed and gained nothing.
    After one of which nothing passed there is the next idea."""
    every = list(rounds)
    last = every[-1] if every else None
    if last is not None and any(t.outcome == "passed" for t in last.trials) and not gained(last, zone):
        return f"round {last.number} gained nothing beyond {percent(zone)}"
    if len(every) >= most:
        return "1 round was asked for" if most == 1 else f"{most} rounds were asked for"
    return None
